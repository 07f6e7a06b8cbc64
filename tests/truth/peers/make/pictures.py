"""Small pictures of every kind that data sets hold, and the pixels that OpenCV, which the reference uses, reads from them.

Run in this folder: pip install numpy==2.4.6 pillow==12.3.0 opencv-python-headless==5.0.0 && python pictures.py
"""

import json
import os

import cv2
import numpy as np
from PIL import Image, ImageCms

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "pictures")
os.makedirs(GOLDEN, exist_ok=True)
rng = np.random.default_rng(20250106)
at = lambda name: os.path.join(GOLDEN, name)

# Odd sides, so that chroma of half the size ends inside a block.
y, x = np.mgrid[:11, :19]
rgb = (np.stack([x * 13, y * 23, (x + y) * 8], -1) + rng.integers(-12, 13, (11, 19, 3))).clip(0, 255).astype(np.uint8)
alpha = (x * 13).astype(np.uint8)
image = Image.fromarray(rgb)
for quality, subsampling in [(95, 0), (75, 2), (50, 1)]:
    image.save(at(f"chroma{subsampling}.jpg"), quality=quality, subsampling=subsampling)
image.save(at("progressive.jpg"), quality=80, progressive=True)
image.convert("L").save(at("grey.jpg"), quality=85)
image.convert("CMYK").save(at("cmyk.jpg"), quality=95)
image.save(at("rgb.png"))
image.convert("L").save(at("grey.png"))
image.convert("1").save(at("bits.png"))
image.convert("P", palette=Image.ADAPTIVE).save(at("palette.png"))
Image.fromarray(np.dstack([rgb, alpha]), "RGBA").save(at("alpha.png"))
Image.fromarray(np.dstack([rgb[..., 0], alpha]), "LA").save(at("grey_alpha.png"))
cv2.imwrite(at("deep.png"), (rgb.astype(int) * 257 + rng.integers(-128, 129, rgb.shape)).clip(0, 65535).astype(np.uint16))

# A colour profile far from sRGB: the primaries of red and green change places. OpenCV does not look at profiles.
profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
tags = {bytes(profile[i:i + 4]): i for i in range(132, 132 + 12 * int.from_bytes(profile[128:132], "big"), 12)}
red, green = tags[b"rXYZ"], tags[b"gXYZ"]
profile[red + 4:red + 12], profile[green + 4:green + 12] = profile[green + 4:green + 12], profile[red + 4:red + 12]
image.save(at("profile.jpg"), quality=90, icc_profile=bytes(profile))
image.save(at("profile.png"), icc_profile=bytes(profile))

# A mark of how to turn the picture, which OpenCV follows.
turned = Image.Exif()
turned[0x112] = 6
image.save(at("turned.jpg"), quality=90, exif=turned)
# All eight marks, and two that are none; in either order of bytes, as cameras write them.
small = image.crop((0, 0, 7, 4))
for mark in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]:
    turned[0x112] = mark
    small.save(at(f"turned{mark}.jpg"), quality=90, exif=turned)
    small.save(at(f"turned{mark}.png"), exif=turned)
big = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x08\x00\x00\x00\x00\x00\x00"
small.save(at("turned_big.jpg"), quality=90, exif=big)
turned[0x112] = 6
small.convert("L").save(at("turned_grey.jpg"), quality=90, exif=turned)
Image.fromarray(np.dstack([rgb, alpha]), "RGBA").save(at("turned_alpha.png"), exif=turned)
small.save(at("turned_profile.jpg"), quality=90, exif=turned, icc_profile=bytes(profile))

# 16 bits of every kind of PNG; OpenCV takes the upper eight.
wide = (rgb.astype(int) * 257 + rng.integers(-128, 129, rgb.shape)).clip(0, 65535).astype(np.uint16)
cv2.imwrite(at("deep_grey.png"), wide[..., 0])
cv2.imwrite(at("deep_alpha.png"), np.dstack([wide, alpha.astype(np.uint16) * 257]))
# Palettes of fewer bits, and one colour that is seen through.
image.convert("P", palette=Image.ADAPTIVE, colors=4).save(at("palette2.png"), bits=2)
image.convert("P", palette=Image.ADAPTIVE).save(at("palette_clear.png"), transparency=3)

wanted = {}
for name in sorted(os.listdir(GOLDEN)):
    if not name.endswith(".json"):
        pixels = cv2.imread(at(name), cv2.IMREAD_COLOR)[..., ::-1]
        wanted[name] = {"width": pixels.shape[1], "height": pixels.shape[0], "rgb": pixels.reshape(-1).tolist()}
with open(at("wanted.json"), "w") as file:
    json.dump({"madeBy": f"OpenCV {cv2.__version__}", "pictures": wanted}, file, separators=(",", ":"))
    file.write("\n")
