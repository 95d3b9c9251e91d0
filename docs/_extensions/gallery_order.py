"""The order of the examples in the gallery."""

LESSONS = (
    "first_table",
    "boosted_trees",
    "search",
    "imbalanced_credit",
    "uncertainty",
    "explain",
    "look_inside",
    "serving",
    "stream",
    "digits",
    "why_deep",
    "cat_network",
    "faces",
    "spoken_digits",
)


def lesson_number(name):
    """Return what sphinx-gallery sorts the examples by: new ones come last."""
    lesson = name.removeprefix("plot_").removesuffix(".py")
    return (LESSONS.index(lesson) if lesson in LESSONS else len(LESSONS)), name
