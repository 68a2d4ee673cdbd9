-- What the shop wrote while release 2 ran.
UPDATE customers SET phone = '+49 30 1' WHERE email = 'c1@example.com';
UPDATE orders SET is_gift = true WHERE id % 10 = 0;
UPDATE orders SET status = 'RETURNED' WHERE id % 50 = 0;
INSERT INTO payments (order_id, method, amount) SELECT id, 'WALLET', 1 FROM orders WHERE is_gift;
INSERT INTO shipments (order_id, warehouse_code, tracking_code)
SELECT id, 'BER', 'T-' || id FROM orders;
