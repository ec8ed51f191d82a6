"""Models fitted to outcomes; scikit-learn is used here and nowhere else."""
