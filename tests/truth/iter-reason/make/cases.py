"""What is run: one golden file a case."""

BOXES = {
    # In a picture of 128 x 96, whose map's last cell has its centre at (112, 80): most boxes end past it.
    "edge": [
        [3.0, 5.0, 127.0, 95.0],
        [20.0, 10.0, 120.0, 79.0],
        [40.0, 30.0, 71.0, 90.0],
        [0.0, 0.0, 113.0, 81.0],
        [100.0, 16.0, 127.0, 64.0],
        [118.0, 86.0, 126.0, 94.0],
    ],
    # On the left, top, right and bottom border, on all, and one that begins past the last cell's centre.
    "borders": [
        [0.0, 20.0, 41.0, 62.0],
        [30.0, 0.0, 90.0, 51.0],
        [61.0, 30.0, 127.0, 70.0],
        [21.0, 43.0, 70.0, 95.0],
        [0.0, 0.0, 127.0, 95.0],
        [114.0, 82.0, 127.0, 95.0],
    ],
}
LABELS = {"baseline": "4,11,18,6,13,1", "memory": "15,8,15,19,12,1"}

DEFAULTS = {
    "height": 96,
    "width": 128,
    "boxes": "edge",
    "classes": 20,
    "depth": 32,
    "fc": 64,
    "iter": 3,
    "steps": 0,
    "rate": 0.0005,
    "beta": 0.5,
    "doublebias": False,
    "maxpool": False,
    "layers": 50,
    "std": 0.01,
    "ustd": 0.01,
    "cstd": 0.01,
}


def case(net, **more):
    return {**DEFAULTS, "net": net, "labels": LABELS["baseline" if net == "baseline" else "memory"], **more}


CASES = {
    "baseline_edge": case("baseline"),
    "memory_edge": case("memory"),
    "baseline_borders": case("baseline", boxes="borders"),
    "memory_borders": case("memory", boxes="borders"),
    "baseline_101": case("baseline", layers=101),
    "baseline_maxpool": case("baseline", maxpool=True),
    "memory_maxpool": case("memory", maxpool=True, depth=8, fc=16),
    "memory_published": case("memory", depth=512, fc=4096),
    "base_memory": case("base_memory", depth=16, fc=32),
    # Other deviations of the first weights: which variables begin by which.
    "memory_deviations": case("memory", depth=16, fc=32, std=0.02, ustd=0.05, cstd=0.03),
    "baseline_steps": case("baseline", steps=3),
    "baseline_steps_double": case("baseline", steps=3, doublebias=True),
    "memory_steps": case("memory", steps=3, depth=8, fc=16),
    "memory_steps_double": case("memory", steps=3, depth=8, fc=16, doublebias=True),
}
