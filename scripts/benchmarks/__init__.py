"""How fast biofs is, beside a bare pyfuse3 file system and what people use: docs/benchmarks.md."""
