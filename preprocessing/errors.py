"""The one kind of error that means: the user can mend this."""


class InputError(ValueError):
    """Bad input: a file, field or flag that cannot be right.

    The message is one line that names the place, the value found, what was expected and the
    fix. Command lines print it as `error: ...` and exit with status 2, without a traceback.
    """
