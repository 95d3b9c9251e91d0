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


class LessonOrder:
    """Sort key of the examples in a folder: new ones come last."""

    def __init__(self, folder):
        self.folder = folder

    def __repr__(self):
        return type(self).__name__

    def __call__(self, name):
        """Return the place of an example."""
        lesson = name.removeprefix("plot_").removesuffix(".py")
        return (LESSONS.index(lesson) if lesson in LESSONS else len(LESSONS)), name
