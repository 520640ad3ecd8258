"""What biofs is compared with, and the programs that it takes."""
