def newton(a):
    x = a
    while abs(x * x - a) > 1e-12:
        if x > 100:
            x = x / 2
        else:
            x = x - (x * x - a) / (2 * x)
    return x
