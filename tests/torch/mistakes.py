"""Wrong versions of functions of torch_models.py, which the comparisons must find."""
import torch

import torch_models


def rotate_back(x, base):
    cosines, sines = torch_models.rotary_angles(x.shape[-2], x.shape[-1], base, x.dtype)
    a, b = x.chunk(2, -1)
    return torch.cat([a * cosines + b * sines, b * cosines - a * sines], -1)


def rotate_neighbours(x, base):
    cosines, sines = torch_models.rotary_angles(x.shape[-2], x.shape[-1], base, x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cosines - b * sines, a * sines + b * cosines], -1).flatten(-2)


def rms_norm_without_epsilon(x, weight, epsilon):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True)) * weight


def z_loss_without_gradient(logits, targets, z_loss):
    result = torch.nn.functional.cross_entropy(logits, targets, reduction='none')
    return result + z_loss * torch.logsumexp(logits, -1).square().detach()


class AdamWithoutCorrection:
    """Neither moment is divided by 1 - beta^t."""

    def __init__(self, w, options):
        self.w, self.options, self.moments = w, options, {n: [0.0, 0.0] for n in w}
        self.param_groups = [{'lr': options['learning_rate']}]

    @torch.no_grad()
    def step(self):
        o = self.options
        for name, tensor in self.w.items():
            m = self.moments[name]
            m[0] = o['beta1'] * m[0] + (1 - o['beta1']) * tensor.grad
            m[1] = o['beta2'] * m[1] + (1 - o['beta2']) * tensor.grad.square()
            decay = o['weight_decay'] if torch_models.decays(name, tensor) else 0.0
            tensor.sub_(self.param_groups[0]['lr'] * (decay * tensor + m[0] / (m[1].sqrt() + o['epsilon'])))
