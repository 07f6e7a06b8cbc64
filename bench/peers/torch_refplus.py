"""IEP-Ref's two models as a PyTorch user would write them: milliseconds of a training step, and of decoding.

python3 torch_refplus.py pg|decode|ee '{"wordDim": ..}'  prints one line of JSON. All samples of the execution engine's batch
have the same program, so that PyTorch too runs every module as one call.
"""

import json
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

what, size = sys.argv[1], json.loads(sys.argv[2])
device = "cuda" if torch.cuda.is_available() else "cpu"
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False


class Generator(nn.Module):
    def __init__(self, words, tokens, dim, hidden):
        super().__init__()
        self.read, self.write = nn.Embedding(words, dim), nn.Embedding(tokens, dim)
        self.encoder = nn.LSTM(dim, hidden, 2, batch_first=True)
        self.decoder = nn.LSTM(hidden + dim, hidden, 2, batch_first=True)
        self.score = nn.Linear(hidden, tokens)

    def step(self, encoded, tokens, state=None):
        known = encoded[:, None].expand(-1, tokens.shape[1], -1)
        out, state = self.decoder(torch.cat([known, self.write(tokens)], 2), state)
        return self.score(out), state

    def loss(self, words, programs):
        logits, _ = self.step(self.encoder(self.read(words))[0][:, -1], programs[:, :-1])
        return F.cross_entropy(logits.flatten(0, 1), programs[:, 1:].flatten())

    @torch.no_grad()
    def decode(self, words, steps):
        encoded = self.encoder(self.read(words))[0][:, -1]
        last, state, chosen = torch.ones(len(words), 1, dtype=torch.long, device=device), None, []
        for _ in range(steps):
            logits, state = self.step(encoded, last, state)
            last = logits[:, -1].argmax(1, keepdim=True)
            chosen.append(last)
        return torch.cat(chosen, 1).cpu()


class Residual(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.a, self.b = nn.Conv2d(dim, dim, 3, padding=1), nn.Conv2d(dim, dim, 3, padding=1)

    def forward(self, x):
        return F.relu(x + self.b(F.relu(self.a(x))))


class Engine(nn.Module):
    def __init__(self, features, dim, mask, steps, modules):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(features, dim, 3, padding=1), nn.ReLU(), nn.Conv2d(dim, dim, 3, padding=1), nn.ReLU())
        self.all, self.steps, self.mask = nn.ModuleList(Residual(dim) for _ in range(modules)), steps, mask
        self.block, self.before = Residual(dim), nn.Conv2d(dim, dim, 1)
        self.after = nn.ModuleList([nn.Conv2d(dim, dim, 1), nn.Conv2d(dim, dim // 4, 1), nn.Conv2d(dim // 4, 4, 1), nn.Conv2d(4, 2, 1)])

    def loss(self, features, masks):
        x = self.stem(features)
        for step in range(self.steps):
            x = self.all[step](x)
        x = F.relu(self.before(self.block(x)))
        x = F.relu(F.interpolate(self.after[0](x), size=(self.mask, self.mask), mode="bilinear", align_corners=False))
        for layer in self.after[1:-1]:
            x = F.relu(layer(x))
        return F.cross_entropy(self.after[-1](x), masks)


def timed(run):
    def once():
        start = time.perf_counter()
        run()
        if device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start

    once()
    count = max(2, min(20, round(2 / max(once(), 1e-3))))
    return 1000 * min(once() for _ in range(count))


def training(model, loss):
    adam = torch.optim.Adam(model.parameters(), 1e-4)

    def run():
        adam.zero_grad()
        loss().backward()
        adam.step()

    return run


if what in ("pg", "decode"):
    model = Generator(size["words"], size["tokens"], size["wordDim"], size["hidden"]).to(device)
    words = torch.randint(4, size["words"], (size["batch"], size["words_long"]), device=device)
    programs = torch.randint(4, size["tokens"], (size["batch"], size["program_long"]), device=device)
    run = training(model, lambda: model.loss(words, programs)) if what == "pg" else lambda: model.decode(words, size["most"])
else:
    model = Engine(size["features"], size["dim"], size["mask"], size["steps"], size["tokens"]).to(device)
    features = torch.zeros(size["batch"], size["features"], size["grid"], size["grid"], device=device)
    masks = (torch.arange(size["batch"] * size["mask"] ** 2, device=device) % 7 == 0).long().view(-1, size["mask"], size["mask"])
    run = training(model, lambda: model.loss(features, masks))
print(json.dumps({"ms": timed(run), "device": device}))
