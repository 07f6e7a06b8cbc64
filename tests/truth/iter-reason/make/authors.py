"""Makes the authors' code (endernewton/iter-reason, Python 2 and TensorFlow 1) importable under TensorFlow 2.

Their files stay as they are: the one line `import tensorflow as tf` is read as `import tensorflow.compat.v1 as tf`, and
what else they expect and is gone is put beside them: `tensorflow.contrib.slim` (the real tf_slim), `xrange`, EasyDict,
and the compiled box overlaps, which nothing here calls. tf_slim wants TensorFlow 1's layers, which TensorFlow no longer
hands out with Keras 3: they are taken from inside its wheel; batch normalisation, which is not there, is written below
for frozen statistics, the only way the authors use it.
"""

import builtins
import importlib.machinery
import os
import subprocess
import sys
import types

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.dont_write_bytecode = True

import tensorflow.compat.v1 as tf  # noqa: E402
from tensorflow.python.keras.legacy_tf_layers import base, convolutional, core, pooling  # noqa: E402


class FrozenBatchNormalization:
    """tf.layers.BatchNormalization with statistics that are given and stay."""

    def __init__(self, epsilon, center, scale, trainable, _scope, **_):
        assert center and scale and not trainable
        self.epsilon, self.scope = epsilon, _scope

    def apply(self, inputs, training):
        assert training is False
        channels = [inputs.shape[-1]]
        with tf.variable_scope(self.scope):

            def own(name, value):
                return tf.get_variable(name, channels, initializer=tf.constant_initializer(value), trainable=False)

            self.gamma, self.beta = own("gamma", 1.0), own("beta", 0.0)
            self.moving_mean, self.moving_variance = own("moving_mean", 0.0), own("moving_variance", 1.0)
        normal = tf.nn.fused_batch_norm(
            inputs, self.gamma, self.beta, self.moving_mean, self.moving_variance, self.epsilon, is_training=False
        )
        return normal[0]


def tf1_layers():
    layers = types.ModuleType("tensorflow.compat.v1.layers")
    for module in (convolutional, core, pooling):
        for name, value in vars(module).items():
            if not name.startswith("_"):
                setattr(layers, name, value)
    layers.Layer, layers.InputSpec = base.Layer, base.InputSpec
    layers.BatchNormalization = FrozenBatchNormalization
    return layers


class EasyDict(dict):
    __getattr__, __setattr__ = dict.__getitem__, dict.__setitem__


class Loader(importlib.machinery.SourceFileLoader):
    def source_to_code(self, data, path, **more):
        text = data.decode().replace("import tensorflow as tf", "import tensorflow.compat.v1 as tf")
        return super().source_to_code(text.encode(), path, **more)


def numpy1_targets():
    """float32 boxes over a float64 number are float32 with NumPy 1, as TensorFlow gets them; over a plain number with both."""
    from utils import snippets

    def plain(target):
        return lambda memory_size, boxes, stride: target(memory_size.tolist(), boxes, int(stride))

    snippets.compute_target = plain(snippets.compute_target)
    snippets.compute_target_memory = plain(snippets.compute_target_memory)


def commit(folder):
    return subprocess.run(["git", "-C", folder, "rev-parse", "--short=7", "HEAD"], capture_output=True, text=True).stdout.strip()


def load(checkout, slim_checkout):
    """Makes `nets.…`, `model.…` and `datasets.…` importable; returns what is run, in words."""
    lib = os.path.join(os.path.abspath(checkout), "lib")
    find = importlib.machinery.FileFinder.path_hook((Loader, [".py"]))

    def hook(path):
        if path != lib and not path.startswith(lib + os.sep):
            raise ImportError
        return find(path)

    sys.path_hooks.insert(0, hook)
    sys.path.insert(0, lib)
    sys.path.insert(0, os.path.abspath(slim_checkout))
    tf.disable_eager_execution()
    tf.disable_v2_behavior()
    builtins.xrange = range
    tf.layers = tf1_layers()
    import tf_slim
    from tf_slim.nets import resnet_utils, resnet_v1

    def module(name, **names):
        made = types.ModuleType(name)
        made.__dict__.update(names)
        sys.modules[name] = made
        return made

    contrib = module("tensorflow.contrib", slim=tf_slim, layers=tf_slim)
    sys.modules["tensorflow.contrib.slim"] = tf_slim
    tf.contrib = contrib
    for part in ("python", "python.slim"):
        module(f"tensorflow.contrib.slim.{part}")
    nets = module("tensorflow.contrib.slim.python.slim.nets", resnet_utils=resnet_utils, resnet_v1=resnet_v1)
    module(f"{nets.__name__}.resnet_v1", **vars(resnet_v1))
    module("easydict", EasyDict=EasyDict)
    module("utils.cython_bbox", bbox_overlaps=None)
    numpy1_targets()
    return f"iter-reason {commit(checkout)} on tensorflow {tf.__version__}, tf_slim {commit(slim_checkout)}"
