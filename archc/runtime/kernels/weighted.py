"""Ops with weights of their own: convolutions, linear layers, norms, attention."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812 - as all do
from torch import nn
from torch.func import functional_call

from archc.ops.arguments import pair
from archc.ops.attention import Attention, MultiheadAttention
from archc.ops.conv import Conv, Conv1d, ConvTranspose
from archc.ops.linear import Linear
from archc.ops.norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, LocalResponseNorm
from archc.runtime.kernels.call import Kernel, KernelCall


def conv(op: Conv, call: KernelCall) -> torch.Tensor:
    stride, dilation, pads = pair(op.stride), pair(op.dilation), op.pads()
    x = call.x
    if op.padding_mode != "zeros":
        border = (pads[1], pads[1], pads[0], pads[0])
        x, pads = F.pad(x, border, mode=op.padding_mode), (0, 0)
    weight, bias = call.own["weight"], call.own.get("bias")
    return F.conv2d(x, weight, bias, stride, pads, dilation, op.groups)


def conv1d(op: Conv1d, call: KernelCall) -> torch.Tensor:
    weight, bias = call.own["weight"], call.own.get("bias")
    return F.conv1d(call.x, weight, bias, op.stride, op.pad(), op.dilation, op.groups)


def conv_transpose(op: ConvTranspose, call: KernelCall) -> torch.Tensor:
    return F.conv_transpose2d(
        call.x, call.own["weight"], call.own.get("bias"), pair(op.stride), pair(op.padding),
        pair(op.output_padding), op.groups, pair(op.dilation),
    )  # fmt: skip


def linear(op: Linear, call: KernelCall) -> torch.Tensor:
    bias = call.own.get("bias")
    if bias is not None and op.bias_mask is not None:
        parts = bias.chunk(len(op.bias_mask))
        pairs = zip(parts, op.bias_mask, strict=True)
        bias = torch.cat([part if there else torch.zeros_like(part) for part, there in pairs])
    return F.linear(call.x, call.own["weight"], bias)


def bn(op: BatchNorm, call: KernelCall) -> torch.Tensor:
    own, share = call.own, op.momentum
    if call.training and op.track_running_stats:
        seen = own["num_batches_tracked"].add_(1)
        share = share if share is not None else 1 / float(seen)
    return F.batch_norm(
        call.x, own.get("running_mean"), own.get("running_var"), own.get("weight"), own.get("bias"),
        call.training or not op.track_running_stats, 0.0 if share is None else share, op.eps,
    )  # fmt: skip


def instance_norm(op: InstanceNorm, call: KernelCall) -> torch.Tensor:
    own = call.own
    return F.instance_norm(
        call.x, own.get("running_mean"), own.get("running_var"), own.get("weight"), own.get("bias"),
        call.training or not op.track_running_stats, op.momentum or 0.0, op.eps,
    )  # fmt: skip


def group_norm(op: GroupNorm, call: KernelCall) -> torch.Tensor:
    return F.group_norm(call.x, op.groups, call.own.get("weight"), call.own.get("bias"), op.eps)


def layer_norm(op: LayerNorm, call: KernelCall) -> torch.Tensor:
    x = call.x if call.last else call.x.movedim(1, -1)
    x = F.layer_norm(x, x.shape[-1:], call.own.get("weight"), call.own.get("bias"), op.eps)
    return x if call.last else x.movedim(-1, 1)


def local_response_norm(op: LocalResponseNorm, call: KernelCall) -> torch.Tensor:
    return F.local_response_norm(call.x, op.size, op.alpha, op.beta, op.k)


def prelu(_op: object, call: KernelCall) -> torch.Tensor:
    return F.prelu(call.x, call.own["weight"])


def attention(op: Attention, call: KernelCall) -> torch.Tensor:
    q, k, v, *terms = call.xs
    q, k, v = (x.reshape(*x.shape[:-1], op.heads, -1).transpose(-3, -2) for x in (q, k, v))
    if op.similarity == "cosine":
        sharpness = terms.pop(0).clamp(max=math.log(100))
        q, k = (F.normalize(x, dim=-1) for x in (q, k))
        mixed = _by_steps(q @ k.transpose(-2, -1) * sharpness.exp(), v, terms)
    elif op.fused:
        mask = _total(terms) if terms else None
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=op.scale)
    else:
        scale = op.scale if op.scale is not None else q.shape[-1] ** -0.5
        mixed = _by_steps(q * scale @ k.transpose(-2, -1), v, terms)
    return mixed.transpose(-3, -2).flatten(-2)


def _by_steps(logits: torch.Tensor, v: torch.Tensor, terms: list[torch.Tensor]) -> torch.Tensor:
    return _total([logits, *terms]).softmax(-1) @ v


def _total(terms: list[torch.Tensor]) -> torch.Tensor:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def multihead_attention(op: MultiheadAttention, call: KernelCall) -> torch.Tensor:
    channels = call.shapes[0].channels
    with torch.device("meta"):  # its tensors are handed in
        module = nn.MultiheadAttention(
            channels, op.heads, op.dropout, bias=op.bias, batch_first=True
        )
    module.train(call.training)
    own = dict(call.own)
    made = functional_call(module, own, tuple(call.xs), {"need_weights": False})
    result: torch.Tensor = made[0]
    return result


WEIGHTED: dict[str, Kernel] = {
    "conv": conv,
    "conv1d": conv1d,
    "conv_transpose": conv_transpose,
    "linear": linear,
    "bn": bn,
    "layer_norm": layer_norm,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    "local_response_norm": local_response_norm,
    "prelu": prelu,
    "attention": attention,
    "multihead_attention": multihead_attention,
}
