-- What the shop wrote while release 4 ran.
UPDATE orders SET discount = 1.50 WHERE is_gift;
INSERT INTO customers (id, email, display_name, updated_at)
VALUES (md5('newer')::uuid, 'newer@example.com', 'Newer', now());
INSERT INTO orders (number, customer_id, billing_id) VALUES ('N-later', md5('newer')::uuid, 1);
