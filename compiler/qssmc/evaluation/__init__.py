"""Evaluation: accuracies of models, of compiled designs, and of designs on drawn devices."""
