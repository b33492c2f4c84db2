"""The networks of timm that specs are held to."""

FAMILIES = {
    "convmixer": ["convmixer_768_32", "convmixer_1024_20_ks9_p14", "convmixer_1536_20"],
    "cspnet": ["cspresnet50", "cspresnext50", "cspdarknet53", "darknet53"],
    "densenet": ["densenet121", "densenet161", "densenet169", "densenet201"],
    "dla": [
        "dla34", "dla46_c", "dla46x_c", "dla60x_c", "dla60", "dla60x", "dla102", "dla102x",
        "dla102x2", "dla169",
    ],
    "dpn": ["dpn68", "dpn68b", "dpn92", "dpn98", "dpn131", "dpn107"],
    "focalnet": [f"focalnet_{k}_{f}" for k in ("tiny", "small", "base") for f in ("srf", "lrf")],
    "ghostnet": [
        *(f"ghostnet_{k}" for k in ("050", "100", "130")),
        *(f"ghostnetv2_{k}" for k in (100, 130, 160)),
    ],
    "hrnet": [
        "hrnet_w18_small", "hrnet_w18_small_v2",
        *(f"hrnet_w{k}" for k in (18, 30, 32, 40, 44, 48, 64)),
    ],
    "inception_next": [f"inception_next_{k}" for k in ("atto", "tiny", "small", "base")],
    "inception_v4": ["inception_v4"],
    "nasnet": ["nasnetalarge"],
    "repvgg": [*(f"repvgg_a{k}" for k in range(3)), *(f"repvgg_b{k}" for k in range(4))],
    "res2net": [
        *(f"res2net50_{k}" for k in ("26w_4s", "26w_6s", "26w_8s", "48w_2s", "14w_8s")),
        "res2net101_26w_4s", "res2next50", "res2net50d", "res2net101d",
    ],
    "resnest": [
        *(f"resnest{k}" for k in ("14d", "26d", "50d", "101e", "200e", "269e")),
        "resnest50d_4s2x40d", "resnest50d_1s4x24d",
    ],
    "resnet": ["resnet50", "resnet50d", "resnext50_32x4d", "wide_resnet50_2"],
    "resnetv2": [f"resnetv2_{k}" for k in (18, 34, 50, 101, 152, "50d", "101d")],
    "rexnet": [f"rexnet{r}_{k}" for r in ("", "r") for k in (100, 130, 150, 200, 300)],
    "selecsls": [f"selecsls{k}" for k in ("42", "42b", "60", "60b", "84")],
    "sknet": ["skresnet18", "skresnet34", "skresnet50", "skresnet50d", "skresnext50_32x4d"],
    "starnet": [
        *(f"starnet_s{k}" for k in range(1, 5)), *(f"starnet_s{k}" for k in ("050", "100", "150")),
    ],
    "vovnet": [
        "vovnet39a", "vovnet57a", "ese_vovnet19b_slim", "ese_vovnet19b_slim_dw",
        "ese_vovnet19b_dw", "ese_vovnet39b", "ese_vovnet57b", "ese_vovnet99b",
    ],
    "xception": ["legacy_xception"],
}  # fmt: skip
"""By the spec that has them, under timm's names."""
