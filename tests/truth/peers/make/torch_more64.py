"""Ops that were added after torch_ops64.py wrote its figures, in float64 too, by PyTorch.

Run in this folder: pip install torch==2.13.0 numpy==2.4.6 && python torch_more64.py
A file of its own: figures there stay as they are, whose random inputs would be others behind new cases. New cases go to
the end of this file for the same reason.
"""

import numpy as np
import torch
import torch.nn.functional as F

from ops64_writer import tensor, write

rng = np.random.default_rng(20260101)
cases = {}


def real(*shape, low=-1.0, high=1.0, step=64):
    return torch.tensor(rng.integers(round(low * step), round(high * step) + 1, shape) / step, dtype=torch.float64, requires_grad=True)


def exact(values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def whole(values):
    return torch.tensor(values, dtype=torch.int32)


def add(family, name, op, inputs, attrs, outputs):
    """inputs: leaves in the op's order, None where one is left out; outputs computed from them, in the op's order."""
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    seeds = [torch.tensor(rng.integers(-64, 65, tuple(y.shape)) / 64) if y.requires_grad else None for y in outputs]
    if family == "more_not_finite":
        # 0 times infinity is NaN, and nobody would see why.
        seeds = [None if s is None else torch.where(s == 0, 1.0, s) for s in seeds]
    differentiable = [(y * s).sum() for y, s in zip(outputs, seeds) if s is not None]
    if differentiable:
        sum(differentiable).backward()
    array = lambda t: None if t is None else t.detach().numpy()
    grads = [None if t is None else t.grad for t in inputs]
    cases.setdefault(family, []).append({
        "name": name, "op": op, "attrs": attrs,
        "inputs": [tensor(array(t)) for t in inputs], "outputs": [tensor(array(y)) for y in outputs],
        "outputGrads": [tensor(array(s)) for s in seeds], "inputGrads": [tensor(array(g)) for g in grads],
    })


# Pointwise.
f, POINTS = "more_pointwise", [-5.0, -3.0, -1.0, -0.25, 0.0, 0.25, 1.0, 2.75, 3.0, 5.0]
x = exact(POINTS + [100.0, -1000.0, 4000.5])
add(f, "sin", "sin", [x], {}, torch.sin(x))
x = exact(POINTS + [100.0, -1000.0, 4000.5])
add(f, "cos", "cos", [x], {}, torch.cos(x))
for name, function in [("erf", torch.erf), ("gelu", F.gelu), ("geluTanh", lambda v: F.gelu(v, approximate="tanh")), ("silu", F.silu)]:
    x = exact(POINTS)
    add(f, name, name, [x], {}, function(x))
for slope in [0.01, -0.25]:
    x = exact(POINTS)
    add(f, f"leaky_relu({slope})", "leakyRelu", [x], {"slope": slope}, F.leaky_relu(x, slope))
# Zeros and negative bases. PyTorch has no slope to an exponent of a negative base: NaN, as ours.
a, b = exact([-2.0, -2.0, -2.0, -0.5, 0.0, 0.0, 0.0, 2.0]), exact([2.0, 3.0, -1.0, 0.0, 2.0, 1.0, 0.0, 0.0])
add(f, "pow of negative bases and zeros", "pow", [a, b], {}, torch.pow(a, b))
for exponent in [2, 3, 1, 0, -1]:
    x = exact([-2.0, -0.5, 1.5])
    add(f, f"pow({exponent}) of negative bases", "powScalar", [x], {"exponent": exponent}, torch.pow(x, exponent))
for left, right in [((2, 3), (2, 3)), ((2, 1, 3), (4, 1)), ((), (2,))]:
    a, b = real(*left, low=-9, high=9), real(*right, low=-9, high=9)
    add(f, f"remainder {list(left)} {list(right)}", "mod", [a, b], {}, torch.remainder(a, b))
    a, b = real(*left, low=-9, high=9).detach(), real(*right, low=-9, high=9).detach()
    add(f, f"floor_divide {list(left)} {list(right)}", "floorDiv", [a, b], {}, torch.floor_divide(a, b))
a, b = exact([-1.0, 0.0, 0.5, 2.0]), exact([[0.0], [0.5]])
add(f, "notEqual", "notEqual", [a, b], {}, torch.ne(a, b))
a, b = exact([float("nan"), 1.0]), exact([float("nan"), float("nan")])
for name, function in [("greater", torch.gt), ("greaterEqual", torch.ge), ("less", torch.lt), ("lessEqual", torch.le), ("equal", torch.eq), ("notEqual", torch.ne)]:
    add(f, f"{name} with NaN", name, [a.detach(), b.detach()], {}, function(a, b))

# Integers, which wrap.
f, LEAST, MOST = "more_integers", -(2**31), 2**31 - 1
p, q = [7, -7, 7, -7, 6, -6, 0, LEAST, MOST, LEAST], [2, 2, -2, -2, -3, 3, 4, 5, 2, 1]
for name, function in [("add", torch.add), ("sub", torch.sub), ("mul", torch.mul), ("maximum", torch.maximum), ("minimum", torch.minimum), ("floorDiv", torch.floor_divide), ("mod", torch.remainder), ("greater", torch.gt), ("greaterEqual", torch.ge), ("less", torch.lt), ("lessEqual", torch.le), ("equal", torch.eq), ("notEqual", torch.ne)]:
    add(f, f"{name} of int32", name, [whole(p), whole(q)], {}, function(whole(p), whole(q)))
for name, function in [("neg", torch.neg), ("abs", torch.abs), ("sign", torch.sign)]:
    add(f, f"{name} of int32", name, [whole(p)], {}, function(whole(p)))
condition = whole([1, 0, 1])
add(f, "where of int32", "where", [condition, whole([4, 5, MOST]), whole([LEAST, -2, 0])], {}, torch.where(condition != 0, whole([4, 5, MOST]), whole([LEAST, -2, 0])))
x = whole(rng.integers(LEAST, MOST, (3, 4)).tolist())
for keep in [True, False]:
    add(f, "sum of int32", "sum", [x], {"axes": [1], "keepDims": keep}, torch.sum(x, 1, keepdim=keep, dtype=torch.int32))
    add(f, "max of int32", "max", [x], {"axes": [0], "keepDims": keep}, torch.amax(x, 0, keepdim=keep))
    add(f, "min of int32", "min", [x], {"axes": [0], "keepDims": keep}, torch.amin(x, 0, keepdim=keep))

# Reductions, with ties; a product with zeros.
f = "more_reduce"
for axis in [0, 1, -1]:
    for keep in [True, False]:
        x = real(2, 4, 5, step=2)
        add(f, f"min over {axis}, ties", "min", [x], {"axes": [axis], "keepDims": keep}, torch.min(x, axis, keepdim=keep).values)
        first = np.argmin(x.detach().numpy(), axis)
        add(f, f"argmin over {axis}, ties, by NumPy", "argmin", [x.detach()], {"axis": axis, "keepDims": keep}, torch.tensor(np.expand_dims(first, axis) if keep else first, dtype=torch.int32))
        x = real(2, 4, 5, low=-2, high=2, step=4)
        add(f, f"prod over {axis}, zeros", "prod", [x], {"axes": [axis], "keepDims": keep}, torch.prod(x, axis, keepdim=keep))
x = exact([[2.0, 0.0, 3.0], [0.0, 0.0, 5.0], [2.0, -4.0, 5.0]])
add(f, "prod of none, one and two zeros", "prod", [x], {"axes": [1], "keepDims": False}, torch.prod(x, 1))
for axes in [[1], [0, -1], [0, 1, 2]]:
    for correction in [0, 1, 2]:
        x = real(2, 3, 4)
        add(f, f"var over {axes}, correction {correction}", "variance", [x], {"axes": axes, "keepDims": False, "correction": correction}, torch.var(x, axes, correction=correction))
for axis in [0, 1, -1]:
    x = real(2, 3, 4)
    add(f, f"cumsum along {axis}", "cumsum", [x], {"axis": axis}, torch.cumsum(x, axis))
for axis in [0, 1, -1]:
    for largest in [True, False]:
        # Without ties: the order of PyTorch's equal elements is not stated.
        x = torch.tensor(rng.permutation(60).reshape(3, 4, 5) / 64, dtype=torch.float64, requires_grad=True)
        y, places = torch.topk(x, 3, axis, largest)
        add(f, f"topk along {axis}, largest {largest}", "topk", [x], {"axis": axis, "k": 3, "largest": largest}, [y, places.to(torch.int32)])

# Normalisation of rows. Ours has channels last, PyTorch's group_norm has them second. Groups of one element are left out: their
# slopes are 0, and PyTorch's figures are its rounding.
f = "more_normalise"
for shape, count in [((7,), 1), ((5, 3), 1), ((2, 3, 5), 1), ((2, 3, 4), 2), ((2, 1, 3), 3)]:
    axes = list(range(len(shape) - count, len(shape)))
    for has_gamma, has_beta in [(True, True), (True, False), (False, True), (False, False)]:
        x = real(*shape, low=-2, high=3)
        gamma = real(*shape[-count:], low=0.5, high=1.5) if has_gamma else None
        beta = real(*shape[-count:]) if has_beta else None
        name = f"layer_norm {list(shape)} over {axes}{', gamma' * has_gamma}{', beta' * has_beta}"
        y = F.layer_norm(x, shape[-count:], gamma, beta, 1e-3)
        add(f, name, "layerNorm", [x, gamma, beta], {"axes": axes, "epsilon": 1e-3}, y)
for shape in [(3, 6), (2, 3, 5, 4), (1, 3, 1, 5)]:
    channels = shape[-1]
    for groups in [1, 2, channels]:
        if channels % groups or np.prod(shape[1:]) == groups:
            continue
        for has_affine in [True, False]:
            x = real(*shape, low=-2, high=3)
            gamma, beta = (real(channels, low=0.5, high=1.5), real(channels)) if has_affine else (None, None)
            y = F.group_norm(x.movedim(-1, 1), groups, gamma, beta, 1e-3).movedim(1, -1)
            name = f"group_norm {list(shape)} in {groups}{', affine' * has_affine}"
            add(f, name, "groupNorm", [x, gamma, beta], {"groups": groups, "epsilon": 1e-3}, y)

# Distances, with equal elements.
f = "more_losses"
for name, function in [("mseLoss", F.mse_loss), ("l1Loss", F.l1_loss)]:
    for shape in [(), (7, 5), (2, 1, 3)]:
        for reduction in ["mean", "sum", "none"]:
            x, t = real(*shape, step=4), real(*shape, step=4)
            add(f, f"{name} {list(shape)} {reduction}", name, [x, t], {"reduction": reduction}, function(x, t, reduction=reduction))

# Sums of products by letters.
f = "more_products"
for spec, shapes in [
    ("ij,jk->ik", [(3, 5), (5, 2)]), ("ij,kj->ki", [(3, 5), (2, 5)]), ("bij,bjk->bik", [(2, 3, 4), (2, 4, 5)]),
    ("bhqd,bkhd->bhqk", [(2, 3, 4, 5), (2, 1, 3, 5)]), ("abc,cb->a", [(3, 2, 5), (5, 2)]), ("i,j->ij", [(3,), (4,)]),
    ("i,i->", [(7,), (7,)]), ("ij,ij->ij", [(3, 5), (3, 5)]), ("ijk,l->j", [(2, 3, 4), (5,)]), (",i->i", [(), (3,)]),
    ("ba,cb", [(3, 5), (2, 3)]), ("ij->ji", [(3, 5)]), ("ijk->k", [(3, 5, 2)]), ("ij->", [(3, 5)]), ("ba", [(3, 5)]),
]:
    operands = [real(*shape) for shape in shapes]
    add(f, f"einsum {spec}", "einsum", operands, {"spec": spec}, torch.einsum(spec, *operands))

# Writing rows and turning axes round. PyTorch leaves open which of several writes to one row stays: set has none twice.
f = "more_movement"
for shape, picks in [((5, 3), [4, 0, 2]), ((4,), [[1, 3], [0, 2]]), ((3, 2, 4), [1]), ((3, 8), 2), ((4, 3), [])]:
    indices = whole(picks)
    x, updates = real(*shape), real(*indices.shape, *shape[1:])
    y = torch.index_put(x, [indices.long()], updates)
    add(f, f"index_put {list(shape)} at {picks}", "scatter", [x, indices, updates], {"mode": "set"}, y)
for shape, picks in [((5, 3), [4, 0, 4, 4]), ((4,), [[1, 1, 1], [0, 3, 1]]), ((3, 2, 4), [2, 2, 0, 2, 2]), ((3, 8), 1), ((4, 3), [])]:
    indices = whole(picks)
    x, updates = real(*shape), real(*indices.shape, *shape[1:])
    y = torch.index_put(x, [indices.long()], updates, accumulate=True)
    add(f, f"index_put {list(shape)} at {picks}, accumulate", "scatter", [x, indices, updates], {"mode": "add"}, y)
x, indices, updates = whole([[1, 2], [3, 4], [5, 6]]), whole([2, 0]), whole([[7, MOST], [LEAST, -8]])
add(f, "index_put of int32", "scatter", [x, indices, updates], {"mode": "set"}, torch.index_put(x, [indices.long()], updates))
for shape, axes in [((7,), [0]), ((3, 5, 2), [0, 1]), ((2, 3, 4), [0, 2]), ((3, 1, 5), []), ((3, 5), [0, 1]), ((0, 3), [1])]:
    x = real(*shape)
    add(f, f"flip {list(shape)} along {axes}", "flip", [x], {"axes": axes}, torch.flip(x, axes))
x = whole([[1, -2, 3], [LEAST, 5, MOST]])
add(f, "flip of int32", "flip", [x], {"axes": [1]}, torch.flip(x, [1]))

# NaN and infinities. Gradients are left out (detached inputs) where a tie is meant otherwise (maximum, minimum) or where none is of
# use to anybody.
f, NAN, INF = "more_not_finite", float("nan"), float("inf")
POINTS = [NAN, INF, -INF, 1.5, -1.0, 0.0]
UNARY = {
    "neg": torch.neg, "abs": torch.abs, "exp": torch.exp, "log": torch.log, "sqrt": torch.sqrt, "tanh": torch.tanh,
    "sigmoid": torch.sigmoid, "relu": torch.relu, "square": torch.square, "reciprocal": torch.reciprocal, "sin": torch.sin,
    "cos": torch.cos, "erf": torch.erf, "gelu": F.gelu, "geluTanh": lambda v: F.gelu(v, approximate="tanh"), "silu": F.silu,
    "sign": lambda v: torch.sign(v).detach(),
}
for name, function in UNARY.items():
    x = exact(POINTS)
    add(f, name, name, [x], {}, function(x))
x = exact(POINTS)
add(f, "affine", "affine", [x], {"scale": -2, "shift": 1}, x * -2 + 1)
x = exact(POINTS)
add(f, "leaky_relu", "leakyRelu", [x], {"slope": 0.25}, F.leaky_relu(x, 0.25))
x = exact(POINTS)
add(f, "clamp", "clamp", [x], {"low": -0.5, "high": 1}, torch.clamp(x, -0.5, 1.0))
# To the 0.5, PyTorch takes the root: NaN for -infinity, where IEEE 754's power is infinity.
for exponent in [2, 3, 1.5, -1, 0, 1]:
    x = exact(POINTS)
    if exponent == 1.5:
        x = x.detach()
    add(f, f"pow({exponent})", "powScalar", [x], {"exponent": exponent}, torch.pow(x, exponent))
BINARY = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "maximum": torch.maximum, "minimum": torch.minimum,
    "pow": torch.pow, "floorDiv": torch.floor_divide, "mod": torch.remainder, "greater": torch.gt, "greaterEqual": torch.ge,
    "less": torch.lt, "lessEqual": torch.le, "equal": torch.eq, "notEqual": torch.ne,
}
for name, function in BINARY.items():
    a, b = exact([[v] for v in POINTS]), exact(POINTS)
    if name not in ("add", "sub"):
        a, b = a.detach(), b.detach()
    add(f, name, name, [a, b], {}, function(a, b))
condition, a, b = whole([1, 0, 1, 0, 1, 0]), exact(POINTS), exact(POINTS[::-1])
add(f, "where", "where", [condition, a, b], {}, torch.where(condition != 0, a, b))
ROWS = [[1.0, NAN, INF], [NAN, NAN, 0.0], [-INF, INF, 1.0], [-INF, -INF, -INF], [INF, 2.0, NAN], [2.0, INF, 1.0], [0.0, -INF, 3.0]]
for name, function in [("sum", torch.sum), ("mean", torch.mean), ("prod", torch.prod), ("variance", torch.var)]:
    x = exact(ROWS)
    if name in ("prod", "variance"):
        x = x.detach()
    add(f, name, name, [x], {"axes": [1], "keepDims": False, "correction": 1}, function(x, 1))
for name, function in [("max", torch.max), ("min", torch.min)]:
    x = exact(ROWS)
    values, places = function(x, 1)
    add(f, name, name, [x], {"axes": [1], "keepDims": False}, values)
    add(f, f"arg{name}", f"arg{name}", [x.detach()], {"axis": 1, "keepDims": False}, places.to(torch.int32))
x = exact(ROWS)
add(f, "cumsum", "cumsum", [x], {"axis": 1}, torch.cumsum(x, 1))
for largest in [True, False]:
    x = exact([[1.0, NAN, INF, -2.0], [-INF, INF, 1.0, 2.0], [INF, 2.0, NAN, -INF]])
    y, places = torch.topk(x, 3, 1, largest)
    add(f, f"topk, largest {largest}", "topk", [x], {"axis": 1, "k": 3, "largest": largest}, [y, places.to(torch.int32)])
LOGITS = [[1.0, NAN, 2.0], [1.0, INF, 2.0], [1.0, -INF, 2.0], [-INF, -INF, -INF], [-INF, -INF, 0.0], [NAN, INF, -INF]]
for name, function in [("softmax", torch.softmax), ("logSoftmax", torch.log_softmax)]:
    x = exact(LOGITS)
    add(f, name, name, [x], {"axis": 1}, function(x, 1))
for smoothing in [0, 0.25]:
    for label in [0, 1, 2]:
        # Without an ignored row: the gradient to one that is not finite is NaN in PyTorch; ours is 0.
        x, labels = exact(LOGITS), whole([label] * 6)
        y = F.cross_entropy(x, labels.long(), reduction="none", label_smoothing=smoothing)
        add(f, f"cross_entropy of {label}, smoothing {smoothing}", "crossEntropy", [x, labels, None], {"reduction": "none", "smoothing": smoothing}, y)
x, t = exact([[v] for v in POINTS]), torch.tensor([0.0, 0.25, 1.0], dtype=torch.float64)
x, t = x.expand(6, 3).detach().clone().requires_grad_(), t.expand(6, 3).clone()
add(f, "binary_cross_entropy_with_logits", "bceWithLogits", [x, t], {"reduction": "none"}, F.binary_cross_entropy_with_logits(x, t, reduction="none"))
for name, function in [("mseLoss", F.mse_loss), ("l1Loss", F.l1_loss)]:
    x, t = (torch.tensor(POINTS, dtype=torch.float64)[axis] for axis in np.indices((6, 6)))
    x, t = x.clone().requires_grad_(), t.clone().requires_grad_()
    add(f, name, name, [x, t], {"reduction": "none"}, function(x, t, reduction="none"))
x, gamma, beta = exact([[1.0, NAN], [1.0, INF], [-INF, 2.0], [3.0, 1.0]]), exact([1.5, -0.5]), exact([0.25, INF])
add(f, "layer_norm", "layerNorm", [x.detach(), gamma.detach(), beta.detach()], {"axes": [1], "epsilon": 1e-3}, F.layer_norm(x, (2,), gamma, beta, 1e-3).detach())
x = exact([[1.0, NAN, 2.0, 3.0], [INF, 1.0, 4.0, -2.0]])
add(f, "group_norm", "groupNorm", [x.detach(), None, None], {"groups": 2, "epsilon": 1e-3}, F.group_norm(x, 2, None, None, 1e-3).detach())
x, gamma, beta = exact([[1.0, NAN, 2.0, INF], [0.5, 1.0, 4.0, -2.0], [0.0, 0.0, 1.0, 1.0]]), exact([1.0, 2.0, NAN, 1.0]), exact([0.0, 0.0, 1.0, 0.0])
add(f, "batch_norm in training", "batchNorm", [x.detach(), gamma.detach(), beta.detach()], {"epsilon": 1e-3}, F.batch_norm(x, None, None, gamma, beta, True, 0.0, 1e-3).detach())
x, gamma, beta, mean, variance = exact([[1.0, NAN, INF, 2.0]]), exact([1.0, 2.0, 0.5, 1.0]), exact([0.0, 0.0, 1.0, 0.0]), exact([INF, 0.0, 1.0, 1.0]), exact([1.0, 1.0, 2.0, INF])
add(f, "batch_norm at rest", "batchNormInference", [t.detach() for t in (x, gamma, beta, mean, variance)], {"epsilon": 1e-3}, F.batch_norm(x, mean.detach(), variance.detach(), gamma, beta, False, 0.0, 1e-3).detach())
image = np.arange(30.0).reshape(1, 5, 6, 1)
image[0, 0, 0], image[0, 1, 4], image[0, 3, 3] = INF, NAN, -INF
image[0, 3:, :2] = -INF
for size, stride, pads in [((2, 2), (2, 2), 0), ((3, 3), (1, 2), 1)]:
    attrs = {"size": size, "stride": stride, "padding": [[pads, pads], [pads, pads]]}
    x = exact(image.tolist())
    add(f, f"max_pool2d {size}", "maxPool2d", [x], attrs, F.max_pool2d(x.movedim(-1, 1), size, stride, pads).movedim(1, -1))
    x = exact(image.tolist())
    add(f, f"avg_pool2d {size}", "avgPool2d", [x], attrs, F.avg_pool2d(x.movedim(-1, 1), size, stride, pads, count_include_pad=False).movedim(1, -1))
for activation, function in {"none": lambda v: v, "relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}.items():
    x, w, b = exact([[1.0, -2.0]]), exact([[0.5] * 6, [1.0] * 6]), exact(POINTS)
    add(f, f"linear, {activation}", "linear", [x, w, b], {"activation": activation}, function(x @ w + b))
    x, w, b = real(1, 3, 3, 2), real(1, 1, 2, 6), exact(POINTS)
    y = function(F.conv2d(x.movedim(-1, 1), w.permute(3, 2, 0, 1), b).movedim(1, -1))
    add(f, f"conv2d, {activation}", "conv2d", [x, w, None, b, None], {"stride": [1, 1], "padding": [[0, 0], [0, 0]], "dilation": [1, 1], "activation": activation}, y)
lstm = torch.nn.LSTM(12, 3, bias=False).double()
for value in [NAN, INF, -INF]:
    a, b = real(3, 4).detach(), real(4, 2).detach()
    a[1, 2] = value
    add(f, f"matmul, {value}", "matmul", [a, b], {"transposeA": False, "transposeB": False}, a @ b)
    for mode, corners in [("halfPixel", False), ("alignCorners", True)]:
        for size in [(5, 7), (2, 3), (6, 8)]:  # PyTorch does not sample an axis that stays as it is.
            x = real(1, 3, 4, 1).detach()
            x[0, 1, 2] = value
            add(f, f"interpolate to {size}, {mode}, {value}", "resizeBilinear", [x], {"size": size, "mode": mode}, F.interpolate(x.movedim(-1, 1), size, mode="bilinear", align_corners=corners).movedim(1, -1))
    x, h, wx, wh = real(3, 2).detach(), real(3, 4).detach(), real(2, 12, low=0.25).detach(), real(4, 12).detach()
    x[1, 1], h[2, 0] = value, -value
    y = torch.func.functional_call(torch.nn.GRUCell(2, 4, bias=False).double(), {"weight_ih": wx.T, "weight_hh": wh.T}, (x, h)).detach()
    add(f, f"GRUCell, {value}", "gruCell", [x, h, wx, wh, None, None], {}, y)
    # Not in x, which PyTorch multiplies by the unit matrix.
    x, h, c, wh = real(3, 2, 12).detach(), real(2, 3).detach(), real(2, 3).detach(), real(3, 12).detach()
    c[0, 1] = value
    states, (last_h, last_c) = torch.func.functional_call(lstm, {"weight_ih_l0": torch.eye(12, dtype=torch.float64), "weight_hh_l0": wh.T}, (x, (h[None], c[None])))
    add(f, f"LSTM, {value}", "lstm", [x, h, c, wh], {"whole": True}, [states.detach(), last_h[0].detach(), last_c[0].detach()])
x = exact([NAN, INF, -INF, 65504.0, 1.0])
add(f, "to float16", "cast", [x], {"dtype": "f16"}, x.detach().to(torch.float16).double())

# What a step does around its products, as PyTorch writes it out.
f = "more_fused"
for two in [True, False]:
    x, a, b = real(3, 5), real(3, 5), real(3, 5) if two else None
    # The corner of relu, where PyTorch's slope is 0.
    with torch.no_grad():
        a[0, 0] = -b[0, 0] if two else 0.0
    add(f, f"x + relu, {'two' if two else 'one'}", "addRelu", [x, a, b], {}, x + F.relu(a + b if two else a))
for factors, scale in [([1.0], 1.0), ([1.0, -2.0, 0.25], 0.5)]:
    terms = [real(2, 3) for _ in factors]
    add(f, f"sum of {len(terms)} terms", "weightedSum", terms, {"factors": factors, "scale": scale}, scale * sum(w * t for w, t in zip(factors, terms)))
for least, given in [(0.5, True), (0.0, False)]:
    logits, labels, factors = real(4, 5).detach(), whole([0, 4, 2, 2]), real(4, low=0.25).detach() if given else None
    weights = (1 - logits.softmax(1).gather(1, labels.long()[:, None])[:, 0]).clamp(min=least) * (factors if given else 1)
    add(f, f"weights of examples from {least} on", "exampleWeights", [logits, labels, factors], {"least": least}, weights / weights.sum().clamp(min=1e-14))
for gates, activation, function in [(1, "relu", F.relu), (3, "tanh", torch.tanh)]:
    d, wide = 3, -(-2 * gates // 4) * 4
    x, s, wx, ws, bx, wc = real(1, 4, 3, 2), real(1, 4, 3, d), real(3, 3, 2, d + wide), real(3, 3, d, wide), real(d + wide), real(3, 3, d, d)
    conv = lambda v, w, b=None: F.conv2d(v.movedim(-1, 1), w.permute(3, 2, 0, 1), b, padding=1).movedim(1, -1)
    joined = conv(x, wx, bx)
    both = torch.sigmoid(joined[..., d : d + 2 * gates] + conv(s, ws)[..., : 2 * gates])
    reset, update = both[..., :gates], both[..., gates:]
    y = s + update * (function(joined[..., :d] + conv(reset * s, wc)) - s)
    add(f, f"convolutional GRU, {gates} gates, {activation}", "convGruJoined", [x, s, wx, ws, bx, wc], {"activation": activation, "gates": gates}, y)

for family, own in cases.items():
    write(f"torch_{family}.json", f"PyTorch {torch.__version__.split('+')[0]}, NumPy {np.__version__}", own)
