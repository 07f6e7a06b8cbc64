"""Optimisers, clipping, schedules and running statistics as PyTorch has them, from the same gradients, in float64.

Run in this folder: pip install torch==2.13.0 numpy==2.4.6 && python training.py
"""

import json
import os

import numpy as np
import torch

from ops64_writer import GOLDEN, tensor

rng = np.random.default_rng(20250107)
SIZE, STEPS = 6, 8
start = (rng.integers(-64, 65, SIZE) / 64).tolist()
gradients = (rng.integers(-128, 129, (STEPS, SIZE)) / 64).tolist()

RUNS = [
    ("SGD", torch.optim.SGD, {"lr": 0.125}, None),
    ("SGD with momentum and decay", torch.optim.SGD, {"lr": 0.125, "momentum": 0.875, "weight_decay": 0.0625}, None),
    ("Adam", torch.optim.Adam, {"lr": 0.0625}, None),
    ("Adam with decay", torch.optim.Adam, {"lr": 0.0625, "betas": (0.75, 0.9375), "eps": 2**-10, "weight_decay": 0.25}, None),
    ("AdamW", torch.optim.AdamW, {"lr": 0.0625, "weight_decay": 0.25}, None),
    ("SGD, clipped", torch.optim.SGD, {"lr": 0.125, "momentum": 0.5}, 1.5),
]
runs = []
for name, kind, options, clip in RUNS:
    w = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimiser = kind([w], **options)
    path = []
    for gradient in gradients:
        w.grad = torch.tensor(gradient, dtype=torch.float64)
        if clip:
            torch.nn.utils.clip_grad_norm_([w], clip)
        optimiser.step()
        path.append(w.tolist())
    runs.append({"name": name, "kind": kind.__name__, "options": options, "clip": clip, "path": path})

def rates(make, steps=12):
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    schedule, found = make(optimiser), []
    for _ in range(steps):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return found

s = torch.optim.lr_scheduler
schedules = {
    "steps": rates(lambda o: s.MultiStepLR(o, [3, 7], 0.1)),
    "cosine": rates(lambda o: s.CosineAnnealingLR(o, 12)),
    "warmup": rates(lambda o: s.LinearLR(o, 0.25, 1.0, 3)),
}

norm = torch.nn.BatchNorm2d(3, eps=1e-3, momentum=0.25).double()
norm.weight.data, norm.bias.data = torch.tensor([0.5, 1.25, -1.0]).double(), torch.tensor([0.25, 0.0, -0.5]).double()
batches = []
for _ in range(3):
    x = torch.tensor(rng.integers(-128, 129, (2, 3, 2, 3)) / 64)
    y = norm(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    batches.append({"x": tensor(x), "y": tensor(y.detach()), "mean": norm.running_mean.tolist(), "variance": norm.running_var.tolist()})
norm.eval()
x = torch.tensor(rng.integers(-128, 129, (1, 2, 2, 3)) / 64)
rest = {"x": tensor(x), "y": tensor(norm(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).detach())}

with open(os.path.join(GOLDEN, "training.json"), "w") as file:
    json.dump({"madeBy": f"PyTorch {torch.__version__.split('+')[0]}", "start": start, "gradients": gradients, "runs": runs, "schedules": schedules, "norm": {"gamma": norm.weight.tolist(), "beta": norm.bias.tolist(), "batches": batches, "rest": rest}}, file, separators=(",", ":"))
    file.write("\n")
