-- What the shop wrote while release 1 ran.
INSERT INTO customers (id, email, full_name, interests, avatar, updated_at)
SELECT md5('customer' || i)::uuid, 'c' || i || '@example.com', 'Customer ' || i, '{wool}', '\x01', now()
FROM generate_series(1, 500) AS i;
INSERT INTO addresses (customer_id, lines, postcode, country)
SELECT id, '{"High Street 1"}', '10115', 'DE' FROM customers;
INSERT INTO brands (name) VALUES ('North'), ('South');
INSERT INTO products (sku, title, price, brand_id)
SELECT 'SKU-' || i, 'Jumper no. ' || i, i, 1 + i % 2 FROM generate_series(1, 100) AS i;
INSERT INTO variants (product_id, code) SELECT id, 'M' FROM products;
INSERT INTO warehouses (code, name) VALUES ('BER', 'Berlin');
INSERT INTO stock (warehouse_code, product_id, variant_code, quantity)
SELECT 'BER', product_id, code, 10 FROM variants;
INSERT INTO carts (id, customer_id) SELECT 'cart-' || left(email, 3), id FROM customers LIMIT 9;
INSERT INTO cart_lines (cart_id, product_id, variant_code) SELECT id, 1, 'M' FROM carts;
INSERT INTO orders (number, status, customer_id, billing_id, placed_at)
SELECT 'N-' || a.id, 'PLACED', a.customer_id, a.id, '2026-11-01 12:00' FROM addresses AS a;
INSERT INTO order_lines (order_id, position, product_id, variant_code, title, unit_price)
SELECT id, 1, 1 + id % 100, 'M', 'Jumper', 9.90 FROM orders;
INSERT INTO payments (order_id, method, amount, provider)
SELECT id, (ARRAY['CARD', 'TRANSFER', 'on-delivery']::"PaymentMethod"[])[1 + id % 3], 9.90,
    CASE WHEN id % 2 = 0 THEN 'bank' END
FROM orders;
INSERT INTO reviews (customer_id, product_id, stars, text)
SELECT id, 1, 5, 'warm' FROM customers LIMIT 50;
INSERT INTO coupons (code) VALUES ('WINTER');
INSERT INTO "_CouponToOrder" ("A", "B") SELECT 'WINTER', id FROM orders LIMIT 20;
