"""What the published architectures compute, written down from the names of their weights."""

import torch
from torch.nn import functional as F


def norm(state, name, x):
    """A batch norm in evaluation mode, by its name; without weights where it has none."""
    shape = [1, -1] + [1] * (x.dim() - 2)
    mean, var = (state[f"{name}.running_{kind}"].view(shape) for kind in ("mean", "var"))
    x = (x - mean) / torch.sqrt(var + 1e-5)
    if f"{name}.weight" in state:
        x = x * state[f"{name}.weight"].view(shape) + state[f"{name}.bias"].view(shape)
    return x


def conv(state, name, x, stride=1):
    """A convolution that keeps the size but for its stride."""
    weight = state[f"{name}.weight"]
    return F.conv2d(x, weight, state.get(f"{name}.bias"), stride, padding=weight.shape[-1] // 2)


def dense(state, name, x):
    """A dense layer."""
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def stages(state):
    """Names and strides of the blocks, from the names of the weights."""
    for stage in (1, 2, 3, 4):
        count = len({n.split(".")[1] for n in state if n.startswith(f"layer{stage}.")})
        for k in range(count):
            yield f"layer{stage}.{k}", stage, k


def wespeaker(state, x):
    """Embeddings of filterbanks ``[B, F, T]``; with ``seg_2`` the second of two layers."""
    x = F.relu(norm(state, "bn1", conv(state, "conv1", x[:, None])))
    for name, stage, k in stages(state):
        stride = 2 if stage > 1 and k == 0 else 1
        way = F.relu(norm(state, f"{name}.bn1", conv(state, f"{name}.conv1", x, stride)))
        way = norm(state, f"{name}.bn2", conv(state, f"{name}.conv2", way))
        if f"{name}.shortcut.0.weight" in state:
            x = norm(state, f"{name}.shortcut.1", conv(state, f"{name}.shortcut.0", x, stride))
        x = F.relu(way + x)
    mean, std = x.mean(-1), torch.sqrt(x.var(-1) + 1e-8)
    first = dense(state, "seg_1", torch.cat([mean.flatten(1), std.flatten(1)], 1))
    if "seg_2.weight" not in state:
        return first
    return dense(state, "seg_2", norm(state, "seg_bn_1", F.relu(first)))


def voxceleb_trainer(state, x, fast):
    """Embeddings of mel spectrograms ``[B, F, T]``, with squeeze and excitation."""
    x = (x - x.mean(2, keepdim=True)) / torch.sqrt(x.var(2, unbiased=False, keepdim=True) + 1e-5)
    x = conv(state, "conv1", x[:, None], (2, 1) if fast else 1)
    x = F.relu(norm(state, "bn1", x)) if fast else norm(state, "bn1", F.relu(x))
    for name, stage, k in stages(state):
        stride = 2 if k == 0 and stage in ((2, 3) if fast else (2, 3, 4)) else 1
        way = norm(state, f"{name}.bn1", F.relu(conv(state, f"{name}.conv1", x, stride)))
        way = norm(state, f"{name}.bn2", conv(state, f"{name}.conv2", way))
        gate = F.relu(dense(state, f"{name}.se.fc.0", way.mean((2, 3))))
        way = way * torch.sigmoid(dense(state, f"{name}.se.fc.2", gate))[..., None, None]
        if f"{name}.downsample.0.weight" in state:
            x = norm(state, f"{name}.downsample.1", conv(state, f"{name}.downsample.0", x, stride))
        x = F.relu(way + x)
    x = x.mean(2) if fast else x.flatten(1, 2)
    if fast:
        scores = torch.tanh(dense(state, "sap_linear", x.mT)) @ state["attention"]
        weights = torch.softmax(scores, 1).mT
    else:
        hidden = F.relu(dense_1x1(state, "attention.0", x))
        weights = torch.softmax(
            dense_1x1(state, "attention.3", norm(state, "attention.2", hidden)), 2
        )
    mean = (x * weights).sum(2)
    if state["fc.weight"].shape[1] == mean.shape[1]:
        return dense(state, "fc", mean)
    std = torch.sqrt(((x**2 * weights).sum(2) - mean**2).clamp(min=1e-5))
    return dense(state, "fc", torch.cat([mean, std], 1))


def dense_1x1(state, name, x):
    """A convolution over time of one step."""
    return F.conv1d(x, state[f"{name}.weight"], state[f"{name}.bias"])


def shaken(model, seed=0):
    """The model in float64 and evaluation mode, with batch norms that have seen something."""
    generator = torch.Generator().manual_seed(seed)
    for name, one in model.state_dict().items():
        if "running_var" in name:
            one.uniform_(0.5, 1.5, generator=generator)
        elif "running_mean" in name:
            one.uniform_(-0.3, 0.3, generator=generator)
        elif "bn" in name and one.dim() == 1 and one.is_floating_point():
            one.add_(0.3 * torch.randn(one.shape, generator=generator))
    return model.double().eval()
