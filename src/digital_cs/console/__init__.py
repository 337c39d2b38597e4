"""The face over HTTP: for other systems, program managers, support and recipients."""
