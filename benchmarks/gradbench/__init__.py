"""The twelve problems of the GradBench suite, each as a user would write it, and the time and memory that derivatives take."""
