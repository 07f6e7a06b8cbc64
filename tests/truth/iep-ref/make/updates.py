"""Updates of the authors' models: the execution engine while modules come and go, and the program generator.

    python updates.py CHECKOUT        # of ccvl/iep-ref at 6fb7d66; makes ../golden/updates.json

Made with Python 3.11, PyTorch 2.13.0 and NumPy 2.4. The models are the authors' own, unchanged but for the size of the
masks, which is a constant there. In the PyTorch they were written for `zero_grad` wrote zeros, so that a parameter once used
went on with a gradient of zero ("zero"); PyTorch 2 takes gradients away, so that one without is left out ("skip").
"""

import contextlib
import io
import sys

import torch
import torch.nn.functional as F

from common import authors, brief, fill, numbers, short, write

authors(sys.argv[1])
from iep.models.module_net import ModuleNet  # noqa: E402
from iep.models.seq2seq import Seq2Seq  # noqa: E402

NAMES = [
    "<NULL>", "<START>", "<END>", "<UNK>",
    "filter_color[blue]", "filter_color[red]", "intersect", "relate[left]", "scene", "union", "unique",
]
NULL, START, END, UNK, BLUE, RED, INTERSECT, LEFT, SCENE, UNION, UNIQUE = range(len(NAMES))
DIM, FEATURES, GRID, SIZE, STEM, BATCH, UPDATES = 16, 5, 4, 16, 2, 3, 5
# The batches: LEFT at the first update only, BLUE from the third on, the binary modules at the second and the fourth.
PROGRAMS = [
    [[LEFT, RED, SCENE], [RED, LEFT, SCENE], [RED, SCENE]],
    [[UNION, RED, SCENE, SCENE], [RED, RED, SCENE], [INTERSECT, SCENE, RED, SCENE]],
    [[BLUE, SCENE], [RED, BLUE, SCENE], [RED, NULL, BLUE]],
    [[UNION, BLUE, SCENE, RED, SCENE], [UNION, NULL, BLUE, SCENE], [RED, SCENE]],
    [[RED, SCENE], [BLUE, RED, SCENE], [RED, RED]],
]
LONGEST = 8


def rows(programs):
    """As the authors' data has them: `<START>` in front, `<END>` behind, then `<NULL>`."""
    return torch.tensor([([START, *p, END] + [NULL] * LONGEST)[:LONGEST] for p in programs])


def engine(dtype):
    vocab = {"program_token_to_idx": {n: i for i, n in enumerate(NAMES)}, "program_idx_to_token": dict(enumerate(NAMES))}
    with contextlib.redirect_stdout(io.StringIO()):
        model = ModuleNet(vocab, feature_dim=(FEATURES, GRID, GRID), module_dim=DIM, stem_num_layers=STEM, verbose=False)
    model.classifier[3] = torch.nn.Upsample(size=[SIZE, SIZE], mode="bilinear", align_corners=False)
    return model.to(dtype)


def engine_run(make, unused, dtype):
    """Losses of all updates, and how far every parameter has moved at the end."""
    torch.set_default_dtype(dtype)
    model = engine(dtype)
    state = fill(model, "updates engine", 1)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimiser = make(model)
    losses = []
    for t in range(UPDATES):
        features = torch.from_numpy(numbers(f"updates features {t}", (BATCH, FEATURES, GRID, GRID), 0, 1)).to(dtype)
        masks = torch.from_numpy(numbers(f"updates masks {t}", (BATCH, SIZE, SIZE), 0, 1) < 0.3).long()
        optimiser.zero_grad(set_to_none=unused == "skip")
        scores = model(features, rows(PROGRAMS[t]))
        loss = F.cross_entropy(scores.permute(0, 2, 3, 1).reshape(-1, 2), masks.reshape(-1))
        loss.backward()
        optimiser.step()
        losses.append(short(loss.item()))
    return state, losses, {name: p.detach() - before[name] for name, p in model.named_parameters()}


def adam(model):
    return torch.optim.Adam(model.parameters(), lr=2e-3)


def sgd(model):
    """Decay for weights only, as Itera has it; PyTorch leaves the choice to groups."""
    groups = [[p for n, p in model.named_parameters() if n.endswith("weight") == is_weight] for is_weight in (True, False)]
    return torch.optim.SGD(
        [{"params": groups[0], "weight_decay": 1e-4}, {"params": groups[1], "weight_decay": 0}], lr=0.1, momentum=0.9
    )


WORDS, TOKENS, WORD_DIM, HIDDEN, LAYERS = 11, 9, 6, 5, 2
X = [[[1, 4, 7, 5, 2, 0, 0], [1, 10, 3, 3, 8, 9, 2], [1, 6, 2, 0, 0, 0, 0]]] * 2 + [[[1, 9, 9, 2], [1, 4, 2, 0], [1, 5, 8, 2]]]
Y = [[[1, 4, 7, 2, 0], [1, 8, 7, 7, 2], [1, 7, 2, 0, 0]]] * 2 + [[[1, 5, 2], [1, 2, 0], [1, 6, 2]]]


def generator_run(dtype):
    torch.set_default_dtype(dtype)
    model = Seq2Seq(WORDS, TOKENS, WORD_DIM, HIDDEN, LAYERS).to(dtype)
    state = fill(model, "updates generator", 4)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for x, y in zip(X, Y):
        optimiser.zero_grad(set_to_none=False)
        loss = model(torch.tensor(x), torch.tensor(y))
        loss.backward()
        optimiser.step()
        losses.append(short(loss.item()))
    return state, losses, {name: p.detach() - before[name] for name, p in model.named_parameters()}


def result(run):
    """Figures in float64; beside them how far PyTorch's own float32 is from those."""
    state, losses, moved = run(torch.float64)
    _, single, rough = run(torch.float32)
    off = {n: ((rough[n].double() - m).abs().max() / (m.abs().max() or 1)).item() for n, m in moved.items()}
    worst = max(off, key=off.get)
    print(losses, max(abs(a / b - 1) for a, b in zip(single, losses)), worst, off[worst])
    return {"state": state, "losses": losses, "moved": {name: brief(m) for name, m in moved.items()}}


engines = {}
for name, make in (("adam", adam), ("sgd", sgd)):
    for unused in ("zero", "skip"):
        made = result(lambda dtype: engine_run(make, unused, dtype))
        state = made.pop("state")
        engines[f"{name}, {unused}"] = made
written = result(generator_run)
write("updates.json", {
    "engine": {
        "label": "updates engine", "names": NAMES, "dim": DIM, "features": FEATURES, "grid": GRID, "size": SIZE,
        "stemLayers": STEM, "scale": 1, "programs": [rows(p).tolist() for p in PROGRAMS], "state": state, "runs": engines,
    },
    "generator": {
        "label": "updates generator", "words": WORDS, "tokens": TOKENS, "wordDim": WORD_DIM, "hidden": HIDDEN,
        "layers": LAYERS, "scale": 4, "x": X, "y": Y, **written,
    },
})
