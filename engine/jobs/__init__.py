"""Work that waits for a worker: taken under a lease, run outside of transactions, settled on the road."""
