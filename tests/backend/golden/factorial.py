def factorial(n):
    if n == 0:
        return 1.0
    return n * factorial(n - 1)
