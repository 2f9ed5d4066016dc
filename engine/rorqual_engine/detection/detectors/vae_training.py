"""How the auto-encoder's weights are found. The only module that needs torch."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from rorqual_engine.detection.detectors.base import Array
from rorqual_engine.detection.detectors.vae import ACTIVATION_SLOPE, ENCODER_LAYERS, LATENT, Network

HIDDEN = 64
EPOCHS = 30
BATCH = 256
RATE = 1e-3
KL_WEIGHT = 0.02
MASKED = 0.3
"""Share of the newest sample's metrics that the network does not see while it learns."""
TRIMMED = 0.02
"""Share of a batch, the worst told, that is left out: history has anomalies of which nobody knows."""
MARGIN = 1.0
"""Mean absolute residual that labelled anomalies are to have at least, in standard deviations."""
ANOMALY_WEIGHT = 1.0


class _Model(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.into = nn.Linear(inputs, HIDDEN)
        self.latent = nn.Linear(HIDDEN, 2 * LATENT)
        self.out = nn.Linear(LATENT, HIDDEN)
        self.told = nn.Linear(HIDDEN, outputs)
        self.bend = nn.LeakyReLU(ACTIVATION_SLOPE)

    def forward(self, windows: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, logarithm = self.latent(self.bend(self.into(windows))).chunk(2, dim=1)
        logarithm = logarithm.clamp(-8, 4)
        drawn = mean + noise * torch.exp(logarithm / 2)
        return self.told(self.bend(self.out(drawn))), mean, logarithm

    def network(self) -> Network:
        """With the latent mean alone."""
        layers = (self.into, self.latent, self.out, self.told)
        weights = [layer.weight.detach().cpu().double().numpy().T for layer in layers]
        biases = [layer.bias.detach().cpu().double().numpy() for layer in layers]
        weights[ENCODER_LAYERS - 1] = weights[ENCODER_LAYERS - 1][:, :LATENT]
        biases[ENCODER_LAYERS - 1] = biases[ENCODER_LAYERS - 1][:LATENT]
        return Network(tuple(weights), tuple(biases))


def train(windows: Array, newest: Array, labels: Array, conditions: Array, random: np.random.Generator) -> Network:
    """The network that tells `newest` (samples, features) from `windows`; the same for the same `random`."""
    torch.manual_seed(int(random.integers(2**31)))
    model = _Model(windows.shape[1], newest.shape[1])
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    table = [torch.as_tensor(np.ascontiguousarray(part), dtype=torch.float32) for part in (windows, newest, labels)]
    told = torch.as_tensor(1.0 - conditions, dtype=torch.float32)
    for _ in range(EPOCHS):
        for batch in _batches(len(newest)):
            optimizer.zero_grad()
            loss = _loss(model, *(part[batch] for part in table), told)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return model.network()


def _batches(count: int) -> Iterator[Tensor]:
    yield from torch.randperm(count).split(BATCH)


def _loss(model: _Model, windows: Tensor, newest: Tensor, labels: Tensor, told: Tensor) -> Tensor:
    """Laplace's likelihood and the latent's divergence of what is no known anomaly, the margin of the rest."""
    hidden = (torch.rand_like(newest) < MASKED) & (told > 0)
    seen = torch.cat([windows[:, : -newest.shape[1]], newest.masked_fill(hidden, 0.0)], dim=1)
    guess, mean, logarithm = model(seen, torch.randn(len(newest), LATENT))
    residual = ((newest - guess).abs() * told).sum(dim=1) / told.sum().clamp(min=1.0)
    divergence = 0.5 * (mean**2 + logarithm.exp() - logarithm - 1.0).sum(dim=1)
    each = residual + KL_WEIGHT * divergence
    anomalous = labels == 1
    usual = each[~anomalous]
    kept = usual.sort().values[: max(1, int(len(usual) * (1.0 - TRIMMED)))]
    loss = kept.mean() if len(usual) else each.sum() * 0.0
    if bool(anomalous.any()):
        loss = loss + ANOMALY_WEIGHT * torch.relu(MARGIN - residual[anomalous]).mean() * anomalous.float().mean().sqrt()
    return loss
