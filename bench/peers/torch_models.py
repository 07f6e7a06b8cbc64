"""The baseline and the final model as a PyTorch user would write them: time and peak memory of a training step.

python3 torch_models.py MODEL NET HEIGHT WIDTH REGIONS CLASSES  prints one line of JSON. Run for one model at a time: on a
CPU the peak is the process's largest resident size less what it had before the model was built.
"""

import json
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

D, FC, EDGES, CLASS_TYPES, LAYERS = 512, 4096, 5, 9, 3


class Unit(nn.Module):
    def __init__(self, inputs, base, stride):
        super().__init__()
        conv = lambda i, o, k, s=1: nn.Conv2d(i, o, k, s, k // 2, bias=False)
        self.convs = nn.ModuleList([conv(inputs, base, 1), conv(base, base, 3, stride), conv(base, 4 * base, 1)])
        self.short = conv(inputs, 4 * base, 1, stride) if inputs != 4 * base else None
        self.stride = stride
        for name, c in (("a", base), ("b", base), ("c", 4 * base), ("s", 4 * base)):
            self.register_buffer(f"scale_{name}", torch.ones(1, c, 1, 1) * 0.3)

    def forward(self, x):
        short = x if self.short is None and self.stride == 1 else x[..., :: self.stride, :: self.stride] if self.short is None else self.short(x) * self.scale_s
        y = F.relu(self.convs[0](x) * self.scale_a)
        y = F.relu(self.convs[1](y) * self.scale_b)
        return F.relu(self.convs[2](y) * self.scale_c + short)


class Baseline(nn.Module):
    def __init__(self, units, classes):
        super().__init__()
        self.stem = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        inputs, blocks = 64, []
        for b, (count, stride) in enumerate(zip(units, (2, 2, 1, 1))):
            base = 64 * 2**b
            blocks.append(nn.Sequential(*[Unit(inputs if u == 0 else 4 * base, base, stride if u == count - 1 else 1) for u in range(count)]))
            inputs = 4 * base
        self.blocks = nn.ModuleList(blocks)
        self.score = nn.Linear(2048, classes)
        for p in [*self.stem.parameters(), *blocks[0].parameters()]:
            p.requires_grad_(False)

    def features(self, image, boxes):
        x = F.max_pool2d(F.relu(self.stem(image)), 3, 2, 1)
        for block in self.blocks[:3]:
            x = block(x)
        pool5 = crop(x, boxes)
        fc7 = self.blocks[3](pool5).mean((2, 3))
        return x.shape[2:], pool5, fc7, self.score(fc7)

    def loss(self, image, boxes, labels):
        return F.cross_entropy(self.features(image, boxes)[3], labels)


def grid_of(boxes, size):
    h, w = size
    steps = torch.linspace(0, 1, 7, device=boxes.device)
    y = (boxes[:, 1:2] + steps * (boxes[:, 3:4] - boxes[:, 1:2])) / 16 * 2 / (h - 1) - 1
    x = (boxes[:, 0:1] + steps * (boxes[:, 2:3] - boxes[:, 0:1])) / 16 * 2 / (w - 1) - 1
    return torch.stack([x[:, None, :].expand(-1, 7, -1), y[:, :, None].expand(-1, -1, 7)], -1)


def crop(map, boxes):
    grid = grid_of(boxes, map.shape[2:])
    return F.grid_sample(map.expand(len(boxes), -1, -1, -1), grid, align_corners=True)


class Head(nn.Module):
    def __init__(self, inputs, classes):
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(inputs, FC), nn.ReLU(), nn.Linear(FC, FC), nn.ReLU())
        self.score, self.confidence = nn.Linear(FC, classes), nn.Linear(FC, 1, bias=False)

    def forward(self, x):
        z = self.fc(x)
        return self.score(z), self.confidence(z)


class Gru(nn.Module):
    def __init__(self, k):
        super().__init__()
        conv = lambda o, bias: nn.Conv2d(D, o, k, 1, k // 2, bias=bias)
        self.xg, self.sg, self.xc, self.sc = conv(2, True), conv(2, False), conv(D, True), conv(D, False)

    def forward(self, x, s):
        r, z = torch.sigmoid(self.xg(x) + self.sg(s)).chunk(2, 1)
        return s + z * (F.relu(self.xc(x) + self.sc(r * s)) - s)


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        weight = lambda n: nn.Parameter(torch.randn(n, D, D) * 0.03)
        self.region, self.known = weight(EDGES), weight(CLASS_TYPES)
        self.to_class, self.own, self.back = nn.Linear(D, D, bias=False), nn.Linear(D, D), nn.Linear(D, D)

    def forward(self, regions, classes, p, edges, known):
        spatial = sum(a @ (regions @ w) for a, w in zip(edges, self.region))
        evidence = p.t() @ self.to_class(regions) / p.sum(0).clamp(min=1e-3)[:, None]
        informed = F.relu(evidence + self.own(classes))
        semantic = sum(torch.sparse.mm(a, informed @ w) for a, w in zip(known, self.known))
        regions = regions + F.relu(spatial + F.relu(self.back(p @ semantic)))
        return regions, classes + F.relu(semantic)


class Final(Baseline):
    def __init__(self, units, classes):
        super().__init__(units, classes)
        self.initial = nn.Parameter(torch.zeros(1, D, 20, 20))
        self.say, self.comp = nn.Linear(2 * classes, D, bias=False), nn.Conv2d(1024, D, 1)
        self.input, self.gru = nn.Conv2d(D, D, 3, 1, 1), Gru(3)
        self.context = nn.ModuleList([nn.Conv2d(D, D, 3, 1, 1) for _ in range(3)])
        self.local = Head(49 * D, classes)
        self.start, self.class_start = nn.Linear(2048, D), nn.Linear(300, D)
        self.g_say, self.g_comp, self.g_input = nn.Linear(2 * classes, D, bias=False), nn.Linear(2048, D), nn.Linear(D, D)
        self.g_gru, self.layers, self.graph = Gru(1), nn.ModuleList([Layer() for _ in range(LAYERS)]), Head(D, classes)
        self.register_buffer("vectors", torch.full((classes, 300), 0.01))
        n = (classes - 2) // 3
        index = torch.stack([2 + 3 * torch.arange(n), 1 + 3 * torch.arange(n)])
        self.known = [torch.sparse_coo_tensor(index, torch.ones(n), (classes, classes)) for _ in range(CLASS_TYPES)]

    def read(self, memory, boxes):
        net = self.context[0](memory)
        net = net + self.context[2](F.relu(self.context[1](F.relu(net))))
        return self.local(crop(net, boxes).flatten(1))

    def write(self, memory, change, boxes, size):
        total = torch.zeros_like(memory)
        count = torch.zeros(1, 1, *size, device=memory.device)
        ys, xs = torch.arange(size[0], device=memory.device).float(), torch.arange(size[1], device=memory.device).float()
        for patch, box in zip(change, boxes / 16):
            rows, cols = (ys >= box[1]) & (ys <= box[3]), (xs >= box[0]) & (xs <= box[2])
            y = (ys[rows] - box[1]) / (box[3] - box[1]) * 2 - 1
            x = (xs[cols] - box[0]) / (box[2] - box[0]) * 2 - 1
            at = torch.stack(torch.meshgrid(y, x, indexing="ij"), -1).flip(-1)[None]
            part = F.grid_sample(patch[None], at, align_corners=True)
            top, left = int(rows.nonzero()[0]), int(cols.nonzero()[0])
            around = (left, size[1] - left - part.shape[3], top, size[0] - top - part.shape[2])
            total = total + F.pad(part, around)
            count = count + F.pad(torch.ones(1, 1, *part.shape[2:], device=memory.device), around)
        return memory + total / count.clamp(min=1)

    def loss(self, image, boxes, labels):
        size, pool5, fc7, first = self.features(image, boxes)
        pool5, fc7 = pool5.detach(), fc7.detach()
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        distance = torch.exp(-torch.cdist(centres, centres) / 50)
        edges = [distance / distance.sum(1, keepdim=True)] * EDGES
        memory = F.interpolate(self.initial, size, mode="bilinear")
        regions, classes = F.relu(self.start(fc7)), F.relu(self.class_start(self.vectors))
        logits, confidences = [first], [self.read(memory, boxes)[1]]
        latest, losses = (first, first), [F.cross_entropy(first, labels)]
        for _ in range(2):
            feedback = torch.cat(latest, 1).detach()
            x = F.relu(self.input(F.relu(self.comp(pool5) + self.say(feedback)[..., None, None])))
            state = crop(memory, boxes)
            memory = self.write(memory, self.gru(x, state) - state, boxes, size)
            local = self.read(memory, boxes)
            g = F.relu(self.g_input(F.relu(self.g_say(feedback) + self.g_comp(fc7))))
            regions = self.g_gru(g[..., None, None], regions[..., None, None])[..., 0, 0]
            p = (latest[0].softmax(1) + latest[1].softmax(1)).detach() / 2
            r, c = regions, classes
            for layer in self.layers:
                r, c = layer(r, c, p, edges, self.known)
            world = self.graph(r)
            latest = (local[0], world[0])
            for score, confidence in (local, world):
                logits.append(score)
                confidences.append(confidence)
                losses.append(F.cross_entropy(score, labels) / 2)
        attention = torch.cat(confidences, 1).softmax(1)
        attended = sum(a[:, None] * score.detach() for a, score in zip(attention.t(), logits))
        return sum(losses) + F.cross_entropy(attended, labels)


def resident(which):
    """Bytes of this process in memory now, or at most so far."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(which))


def main():
    model, net, height, width, count, classes = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:7])
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    units = {"resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3)}[net]
    before = resident("VmRSS")
    network = (Final if model == "final" else Baseline)(units, classes).to(device)
    if model == "final":
        network.known = [a.to(device) for a in network.known]
    sgd = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=1e-4, momentum=0.9, weight_decay=1e-4)
    image = torch.zeros(1, 3, height, width, device=device)
    r = torch.arange(count, device=device, dtype=torch.float32)
    boxes = torch.stack([0.03 * width * r % (0.7 * width), 0.05 * height * r % (0.7 * height)], 1)
    boxes = torch.cat([boxes, boxes + torch.tensor([0.25 * width, 0.25 * height], device=device)], 1)
    labels = 1 + torch.arange(count, device=device) % (classes - 1)

    def step():
        loss = network.loss(image, boxes, labels)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        return loss.item()

    step()
    times = []
    for _ in range(20 if device.type == "cuda" else 2):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    peak = torch.cuda.max_memory_allocated() if device.type == "cuda" else resident("VmHWM") - before
    print(json.dumps({"ms": 1000 * min(times), "peakMiB": peak / 2**20, "device": device.type, "torch": torch.__version__}))


main()
