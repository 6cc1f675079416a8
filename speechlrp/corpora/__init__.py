"""Corpora: who said what, where. Yields `Recording` records, never tensors.

`CORPORA` holds the readers, ``fn(root, **options) -> list[Recording]``;
`SPLITS` the divisions into training, validation and test data,
``fn(recordings, *, label, seed, **options) -> {id: subset}``;
`DOWNLOADS` what `fetch.fetch` knows how to get.
"""

from speechlrp.corpora.recording import Recording, tasks
from speechlrp.registry import Interface, Registry

CORPORA = Registry(
    "corpus",
    {
        "audiomnist": "speechlrp.corpora.audiomnist:audiomnist",
        "librispeech": "speechlrp.corpora.librispeech:librispeech",
        "voxceleb": "speechlrp.corpora.voxceleb:voxceleb",
        "manifest": "speechlrp.corpora.manifest:manifest",
        "folder": "speechlrp.corpora.folder:folder",
        "kaldi": "speechlrp.corpora.kaldi:kaldi",
        "lhotse": "speechlrp.corpora.lhotse:lhotse",
    },
    Interface("a function of a folder that gives a list of Recording", positional=1),
)

SPLITS = Registry(
    "split",
    {
        "seeded": "speechlrp.corpora.splits:seeded",
        "all": "speechlrp.corpora.splits:everything",
        "thesis": "speechlrp.corpora.splits:thesis",
        "official": "speechlrp.corpora.splits_published:official",
        "iden_split": "speechlrp.corpora.splits_published:iden_split",
        "becker_gender": "speechlrp.corpora.splits_published:becker_gender",
        "becker_digit": "speechlrp.corpora.splits_published:becker_digit",
    },
    Interface(
        "a function of recordings, label= and seed= that gives a subset by id",
        positional=1,
        named=("label", "seed"),
    ),
)

DOWNLOADS = Registry(
    "download",
    {
        "audiomnist": "speechlrp.corpora.fetch_audiomnist:audiomnist",
        "librispeech": "speechlrp.corpora.fetch_archives:librispeech",
        "musan": "speechlrp.corpora.fetch_archives:musan",
        "voxceleb": "speechlrp.corpora.voxceleb:refuse_download",
    },
)

__all__ = ["CORPORA", "DOWNLOADS", "SPLITS", "Recording", "tasks"]
