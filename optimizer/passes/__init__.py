"""One technique a module: a Keras model in, a Keras model out."""
