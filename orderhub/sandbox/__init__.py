"""The sandbox plays the outside world: shops, payment, warehouses, carriers, books; it shares no code with the product."""
