"""Tables of any library to arrays: the encoding of columns, scaling, sample weights."""
