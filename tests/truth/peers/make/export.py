"""Weights from torchvision through our import and export, and back into torchvision: the features must be the same.

Run in this folder: pip install torch==2.13.0 torchvision==0.28.0 safetensors==0.8.0 && python export.py
"""

import os
import subprocess
import tempfile

import torch
from safetensors.torch import load_file

# The compiled part of torchvision may want CUDA libraries; without it, its import still asks for these two operators.
_lib = torch.library.Library("torchvision", "FRAGMENT")
for _schema in ("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor", "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"):
    try:
        _lib.define(_schema)
    except RuntimeError:
        pass
import torchvision  # noqa: E402

torch.manual_seed(20250109)
itera = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "..", "cli", "main.ts")
folder = tempfile.mkdtemp()
at = lambda name: os.path.join(folder, name)


def run(*arguments):
    subprocess.run(["deno", "run", "-A", itera, "weights", *arguments], check=True)


net = torchvision.models.resnet50(weights=None)
for module in net.modules():
    if isinstance(module, torch.nn.BatchNorm2d):
        for values, low, high in [(module.weight, 0.2, 0.6), (module.bias, -0.2, 0.2), (module.running_mean, -0.2, 0.2), (module.running_var, 0.5, 1.5)]:
            torch.nn.init.uniform_(values, low, high)
net.fc = torch.nn.Identity()
torch.save(net.state_dict(), at("theirs.pth"))
run("import", at("theirs.pth"), "--out", at("ours.safetensors"))
run("export", at("ours.safetensors"), "--out", at("back.safetensors"))
back = torchvision.models.resnet50(weights=None)
back.fc = torch.nn.Identity()
print(back.load_state_dict(load_file(at("back.safetensors"))))
image = torch.rand(2, 3, 97, 130)
with torch.no_grad():
    want, got = net.eval()(image), back.eval()(image)
print("largest feature", want.abs().max().item(), "largest difference", (want - got).abs().max().item())
assert (want - got).abs().max() <= 2e-5 * want.abs().max()
