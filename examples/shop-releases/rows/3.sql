-- What the shop wrote while release 3 ran.
INSERT INTO customers (id, email, display_name, updated_at)
VALUES (md5('new')::uuid, 'new@example.com', 'New', now());
INSERT INTO products (sku, title, price) VALUES (repeat('S', 60), 'A long number', 1);
INSERT INTO ratings (customer_id, product_id, stars) VALUES (md5('new')::uuid, 1, 4);
UPDATE cart_lines SET quantity = 40000 WHERE cart_id = 'cart-c1@';
INSERT INTO payments (order_id, amount, provider) VALUES (1, 2, 'bank');
