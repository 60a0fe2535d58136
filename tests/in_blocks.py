"""A table in memory that is read in blocks like one on disk."""


class InBlocks:
    """A table on disk, as far as counting is concerned."""

    def __init__(self, *frames):
        self.frames = frames
        self.columns = frames[0].columns

    def blocks(self, columns=None):
        return iter(self.frames)
