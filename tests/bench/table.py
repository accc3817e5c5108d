"""Figures of several runs, and how they are shown."""

import statistics


class Spread:
    def __init__(self, figures):
        figures = list(figures)
        self.median, self.least, self.most = statistics.median(figures), min(figures), max(figures)
        self.runs = len(figures)

    def json(self):
        return {"median": self.median, "min": self.least, "max": self.most, "runs": self.runs}

    def __str__(self):
        if self.runs == 1:
            return number(self.median)
        return f"{number(self.median)} ({number(self.least)}-{number(self.most)})"


def number(figure):
    """Three digits that say something."""
    size = abs(figure)
    if size >= 100 or figure == int(figure):
        return f"{figure:.0f}"
    return f"{figure:.1f}" if size >= 10 else f"{figure:.2f}" if size >= 1 else f"{figure:.3f}"


class Table:
    """One row a measure: ours, what it is compared with, how they compare pair by pair, the target."""

    HEAD = ("measure", "atomicstatsd", "against", "compared", "target", "")

    def __init__(self):
        self.rows = []

    def add(self, name, ours, sink=None, compared=None, target=None, how="", worst=False, against="sink"):
        """`ours`, `sink`: a figure for each run, the second of what `against` names; `compared`: a
        function of a pair, `how` says in words what it is. `target`: ("<=" or ">=", figure), for what
        was compared, or else for ours: its median, or with `worst` each run's."""
        row = {"measure": name, "ours": Spread(ours), "sink": Spread(sink) if sink else None, "against": against,
               "compared": Spread(map(compared, ours, sink)) if compared and sink else None, "how": how,
               "target": target, "met": None}
        if target:
            judged = row["compared"] or row["ours"]
            order, limit = target
            figure = judged.median if not worst else judged.most if order == "<=" else judged.least
            row["met"] = figure <= limit if order == "<=" else figure >= limit
        self.rows.append(row)
        print("  " + "  ".join(filter(None, self.cells(row))), flush=True)

    def note(self, name, unit, figures, lost):
        """Somebody else's figures."""
        row = {"measure": f"{name}: {unit}", "ours": None, "sink": Spread(figures), "against": name.split(":")[0],
               "compared": None, "how": f"lost {Spread(lost)} %", "target": None, "met": None}
        self.rows.append(row)
        print("  " + "  ".join(filter(None, self.cells(row))), flush=True)

    @staticmethod
    def cells(row):
        target = f"{row['target'][0]} {number(row['target'][1])}" if row["target"] else ""
        met = {None: "", True: "met", False: "MISSED"}[row["met"]]
        compared = " ".join(filter(None, [str(row["compared"] or ""), row["how"]]))
        against = f"{row['against']} {row['sink']}" if row["sink"] else ""
        return [row["measure"], str(row["ours"] or ""), against, compared, target, met]

    def text(self):
        cells = [self.HEAD] + [self.cells(row) for row in self.rows]
        widths = [max(map(len, column)) for column in zip(*cells)]
        return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)

    def json(self):
        return [{**row, "ours": row["ours"] and row["ours"].json(), "sink": row["sink"] and row["sink"].json(),
                 "compared": row["compared"] and row["compared"].json()} for row in self.rows]


def ratio(ours, sink):
    return ours / sink


def difference(ours, sink):
    return ours - sink
