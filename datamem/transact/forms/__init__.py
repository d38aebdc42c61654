"""Forms: what tx-data says, one form after another, before any name has an id."""
