"""Where frames go, one kind of output a module."""
