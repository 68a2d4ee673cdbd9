-- Release 5 takes a way to pay away; payments that used it must say something else first.
UPDATE payments SET method = 'TRANSFER' WHERE method = 'on-delivery';
