"""What the decoders of Reed-Solomon codes are told of symbols that are not to be trusted."""


cdef inline int _places(object erasures, int n, int parity, str symbols, int* places) except -2:
    """Exponents of x of some indices in a word of n symbols; gives how many, or -1 where there are more than parity.

    Raises ValueError for an index twice or outside the word.
    """
    cdef int count = 0, position
    if erasures is None:
        return 0
    if len(set(erasures)) != len(erasures):
        raise ValueError("an erasure is named twice")
    for position in erasures:
        if not 0 <= position < n:
            raise ValueError(f"erasure {position} is outside the word of {n} {symbols}")
    if len(erasures) > parity:
        return -1
    for position in erasures:
        places[count] = n - 1 - position
        count += 1
    return count
