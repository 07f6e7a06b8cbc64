/**
 * Files of the published data sets: addresses, lengths, checksums, and the part of each that is needed. The one place that has
 * them. None was tried from where this was written, which reaches no such server: each fact names its source, as of
 * 2026-12-01, and what no source says is null. `itera data fetch SET --addresses FILE` replaces what has changed since.
 */
import type { DatasetName } from "../registry.ts";

/** A checksum of a whole file, in hexadecimal. */
export interface Checksum {
  readonly algorithm: "md5" | "sha256";
  readonly value: string;
}

/** A file of a set: an archive, or one that is taken as it is. */
export interface SourceFile {
  /** Name that it is kept by until it is unpacked. */
  readonly name: string;
  /** Its address; null where it wants a registration. */
  readonly address: string | null;
  /** Its length in bytes; null where no source says. */
  readonly bytes: number | null;
  readonly checksum: Checksum | null;
  /** Bytes that what is needed of it takes, about; null where that is about its own length, as of pictures. */
  readonly unpacked: number | null;
  /** Folders or files of the archive at which a path in the set's folder begins; null for a file that is taken as it is. */
  readonly roots: readonly string[] | null;
  /** Paths that are needed, of those below {@link SourceFile.roots}; absent, all. */
  readonly needed?: RegExp;
}

/** A release of a set: its files, in the order in which they are fetched. */
export interface SourceRelease {
  readonly name: string;
  readonly files: readonly SourceFile[];
}

/** A set that can be fetched. */
export interface SourceSet {
  /** Name on the command line, and of the folder that it goes to. */
  readonly name: string;
  readonly title: string;
  /** The set by which its folder is opened; null for weights. */
  readonly dataset: DatasetName | null;
  /** Its official page, where terms of use stand. */
  readonly page: string;
  /** Page of the registration that its archive wants. */
  readonly registration?: string;
  /** Releases, the default first. */
  readonly releases: readonly SourceRelease[];
}

const md5 = (value: string): Checksum => ({ algorithm: "md5", value });
const sha256 = (value: string): Checksum => ({ algorithm: "sha256", value });

/** Lengths are those that the server itself gave others, checksums those by which others verify (COCO publishes none). */
const COCO = "http://images.cocodataset.org";

function coco(
  path: string,
  bytes: number,
  checksum: string,
  roots: readonly string[],
  needed: RegExp,
  unpacked: number | null,
): SourceFile {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return { name, address: `${COCO}/${path}`, bytes, checksum: md5(checksum), unpacked, roots, needed };
}

const cocoPictures = (folder: string, bytes: number, checksum: string): SourceFile =>
  coco(`zips/${folder}.zip`, bytes, checksum, [folder], /^[^/]+\/[^/]+\.jpg$/, null);

const cocoAnnotations = (year: number, bytes: number, checksum: string): SourceFile =>
  coco(
    `annotations/annotations_trainval${year}.zip`,
    bytes,
    checksum,
    ["annotations"],
    /^annotations\/instances_\w+\.json$/,
    480e6,
  );

/** The reference's cut of val2014, as Detectron publishes it: its page GETTING_STARTED and data/README. */
const MINIVAL: SourceFile = {
  name: "coco_annotations_minival.tgz",
  address: "https://dl.fbaipublicfiles.com/detectron/coco/coco_annotations_minival.tgz",
  bytes: null,
  checksum: md5("2d2b9d2283adb5e3b8d25eec88e65064"),
  unpacked: 160e6,
  roots: ["annotations", "instances_minival2014.json", "instances_valminusminival2014.json"],
  needed: /^(annotations\/)?instances_\w+\.json$/,
};

/** The reference's lists, from its own history; checksums are of the files at that commit. */
const ADE_LISTS = ([
  ["train.txt", 1046883, "37904d41c68c00f71d941615c7f9b89887c67b6922ee36a7891efc4363981025"],
  ["val.txt", 103529, "dc55bd55466504d0ccb107d5e86de66dd13ea2bdb1753322b7b3e5324260b77e"],
  ["mval.txt", 51572, "40bf9e185efac33c7de8291998ab27e8c0d8757e7945c9e37fb562077a718bb8"],
  ["mtest.txt", 51957, "e6670e7d4efc6d0b2421cd61622f9a01136882e7882c2d233d31819ebc3db748"],
  ["objectnames.txt", 30960, "8dd550f03968742c2f03f13106ba58f8a1e15052f75fefb3341ce69bfe44ea74"],
  ["objectcounts.txt", 7449, "e81d94c5a9d94ba8b63c5913a0619ad011a5a04aed9c458d09d3c7669df9cb98"],
] as const).map(([name, bytes, checksum]): SourceFile => ({
  ...{ name, bytes, checksum: sha256(checksum), unpacked: null, roots: null },
  address:
    "https://raw.githubusercontent.com/endernewton/iter-reason/82082b38c48b2eb4bfd8c0e1a6f46053bdda8935/data/ADE/" +
    name,
}));

/** Instance masks of 2021 are not read, and there are as many as instances. */
const adeArchive = (name: string, address: string | null): SourceFile => ({
  ...{ name, address, bytes: null, checksum: null, unpacked: null, roots: ["images"] },
  needed: /^images\/(?!.*\/instance_[^/]*\.png$)/,
});

/** The archives of pictures are named on the set's page, lengths by others who fetched them; nobody publishes checksums. */
const vgPictures = (name: string, bytes: number): SourceFile => ({
  ...{ name, bytes, checksum: null, unpacked: null, roots: ["VG_100K", "VG_100K_2"], needed: /^[^/]+\/[^/]+\.jpg$/ },
  address: `https://cs.stanford.edu/people/rak248/VG_100K_2/${name}`,
});

const vgText = (file: string, bytes: number, unpacked: number): SourceFile => ({
  ...{ name: `${file}.zip`, bytes, checksum: null, unpacked, roots: [file] },
  address: `https://homes.cs.washington.edu/~ranjay/visualgenome/data/dataset/${file}.zip`,
});

/** TF-slim's page of pretrained models (tensorflow/models, research/slim), which the reference's README names too. */
const slim = (depth: number): SourceSet => ({
  name: `resnet${depth}`,
  title: `TF-slim's ResNet-${depth}, trained on ImageNet`,
  dataset: null,
  page: "https://github.com/tensorflow/models/tree/master/research/slim#pre-trained-models",
  releases: [{
    name: "2016",
    files: [{
      name: `resnet_v1_${depth}_2016_08_28.tar.gz`,
      address: `http://download.tensorflow.org/models/resnet_v1_${depth}_2016_08_28.tar.gz`,
      bytes: null,
      checksum: null,
      unpacked: null,
      roots: [`resnet_v1_${depth}.ckpt`],
    }],
  }],
});

/** Every set that can be fetched. */
export const SOURCES: readonly SourceSet[] = [
  {
    name: "ade20k",
    title: "ADE20K",
    dataset: "ade",
    page: "https://groups.csail.mit.edu/vision/datasets/ADE20K/",
    // The page that the set's own repository sends people to (CSAILVision/ADE20K, issues 55 and 56: out of order at times).
    registration: "https://ade20k.csail.mit.edu/request_data/",
    releases: [
      { name: "2021", files: [adeArchive("ADE20K_2021_17_01.zip", null), ...ADE_LISTS] },
      {
        // The reference's README; its page no longer links to it.
        name: "2016",
        files: [
          adeArchive(
            "ADE20K_2016_07_26.zip",
            "http://groups.csail.mit.edu/vision/datasets/ADE20K/ADE20K_2016_07_26.zip",
          ),
          ...ADE_LISTS,
        ],
      },
    ],
  },
  {
    name: "coco",
    title: "COCO",
    dataset: "coco",
    page: "https://cocodataset.org/#download",
    releases: [
      {
        name: "2017",
        files: [
          cocoAnnotations(2017, 252907541, "f4bbac642086de4f52a3fdda2de5fa2c"),
          cocoPictures("val2017", 815585330, "442b8da7639aecaf257c1dceb8ba8c80"),
          cocoPictures("train2017", 19336861798, "cced6f7f71b7629ddf16f17bbcfab6b2"),
        ],
      },
      {
        name: "2014",
        files: [
          cocoAnnotations(2014, 252872794, "0a379cfc70b0e71301e0f377548639bd"),
          MINIVAL,
          cocoPictures("val2014", 6645013297, "a3d79f5ed8d289b7a7554ce06a5782b3"),
          cocoPictures("train2014", 13510573713, "0da8c0bd3d6becc4dcb32757491aca88"),
        ],
      },
    ],
  },
  {
    name: "vg",
    title: "Visual Genome",
    dataset: "vg",
    page: "https://homes.cs.washington.edu/~ranjay/visualgenome/api.html",
    releases: [{
      name: "1.4",
      files: [
        vgText("image_data.json", 1780854, 18e6),
        vgText("objects.json", 55323929, 481e6),
        vgPictures("images2.zip", 5471658058),
        vgPictures("images.zip", 9731705982),
      ],
    }],
  },
  {
    name: "clevr-ref+",
    title: "CLEVR-Ref+",
    dataset: "refplus",
    page: "https://cs.jhu.edu/~cxliu/2019/clevr-ref+",
    releases: [{
      name: "1.0",
      files: [{
        name: "clevr_ref+_1.0.zip",
        address: "https://cs.jhu.edu/~cxliu/data/clevr_ref+_1.0.zip",
        bytes: null,
        checksum: null,
        unpacked: null,
        roots: ["images", "scenes", "refexps"],
      }],
    }],
  },
  slim(50),
  slim(101),
];
