"""Fast ways for usual transactions, which give what the general way gives."""
