def search(x, limit):
    a = 0.0
    b = 1.0
    for i in range(x.shape[0]):
        b_1 = a + x[i] * b
        a = b
        b = b_1
        if b_1 > limit:
            break
    return a, b
