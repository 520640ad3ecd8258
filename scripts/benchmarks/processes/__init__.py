"""What runs beside the benchmark, as processes of their own."""
