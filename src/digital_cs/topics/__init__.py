"""What texts are about: learned, proposed and matched. Computes only, and keeps no text."""
