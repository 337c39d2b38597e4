"""From files in content/ to domain objects, with file and line in every complaint."""
