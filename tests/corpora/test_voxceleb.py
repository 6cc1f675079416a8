import pytest

from speechlrp.corpora.voxceleb import refuse_download, voxceleb
from speechlrp.errors import SpeechLRPError

VOX1 = "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\nid10001\tA_B\tm\tIreland\tdev\n"
VOX2_COMMAS = "VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set \nid00012 ,n000012 ,f ,dev \n"
VOX2_TABS = "VoxCeleb2 ID \tVGGFace2 ID \tGender \tSet \nid00012 \tn000012 \tf \tdev \n\n"


@pytest.mark.parametrize("place", ["wav", "dev/wav", "test/wav", "dev/flac"])
def test_voxceleb1(tree, place):
    tree("vox1_meta.csv", text=VOX1)
    root = tree(f"{place}/id10001/1zcIwhmdeo4/00001.wav")
    (recording,) = voxceleb(root)
    assert recording.id == "id10001/1zcIwhmdeo4/00001"
    assert recording.path == root / place / "id10001/1zcIwhmdeo4/00001.wav"
    assert (recording.speaker, recording.gender) == ("id10001", "male")
    assert recording.extra == {"video": "1zcIwhmdeo4", "nationality": "Ireland", "set": "dev"}


@pytest.mark.parametrize("meta", [VOX2_COMMAS, VOX2_TABS, "\ufeff" + VOX2_TABS])
@pytest.mark.parametrize("place", ["dev/aac", "aac"])
def test_voxceleb2_with_its_spaces(tree, meta, place):
    tree("vox2_meta.csv", text=meta)
    (recording,) = voxceleb(tree(f"{place}/id00012/21Uxsk56VDQ/00001.m4a"))
    assert (recording.gender, recording.extra["set"]) == ("female", "dev")


def test_both_at_once(tree):
    tree("vox1_meta.csv", text=VOX1)
    tree("vox2_meta.csv", text=VOX2_COMMAS)
    root = tree("wav/id10001/a/00001.wav", "dev/aac/id00012/b/00001.m4a")
    assert [r.speaker for r in voxceleb(root)] == ["id00012", "id10001"]
    assert [r.speaker for r in voxceleb(root, speakers=["id10001"])] == ["id10001"]


def test_of_a_converted_file_and_its_source_one_is_taken(tree):
    tree("vox2_meta.csv", text=VOX2_TABS)
    root = tree("dev/aac/id00012/a/00001.m4a", "wav/id00012/a/00001.wav")
    assert [r.path.suffix for r in voxceleb(root)] == [".wav"]


def test_odd_files_are_left_out_and_named(tree, caplog):
    tree("vox1_meta.csv", text=VOX1)
    root = tree("wav/id10001/a/00001.wav", "wav/id10001/loose.wav", "wav/id10001/a/x.txt")
    assert len(voxceleb(root)) == 1
    assert "id10001/loose.wav" in caplog.text


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ("VoxCeleb1 ID\tSex\nid10001\tm\n", "has no column Gender"),
        ("", "has no column Gender"),
        ("ID\tGender\nid10001\n", "row 2: 1 of 2 columns"),
        ("ID\tGender\nid10002\tm\n", "speaker id10001 has recordings"),
        ("ID\tGender\nid10001\tx\n", "unknown gender 'x'"),
    ],
)
def test_a_broken_table_of_speakers(tree, meta, message):
    tree("vox1_meta.csv", text=meta)
    with pytest.raises(SpeechLRPError, match=message):
        voxceleb(tree("wav/id10001/a/00001.wav"))


def test_missing_pieces_say_what_to_get_and_where_to_put_it(tmp_path, tree):
    for root in (tmp_path / "none", tmp_path):
        with pytest.raises(SpeechLRPError, match=r"permission.*wav/id10001/<video>/00001\.wav"):
            voxceleb(root)
    with pytest.raises(SpeechLRPError, match=r"no recordings of VoxCeleb"):
        voxceleb(tree("vox1_meta.csv", text=VOX1))


def test_download_is_refused(tmp_path):
    with pytest.raises(SpeechLRPError) as error:
        refuse_download(tmp_path, subsets=(), base_url=None, progress=False)
    assert "\n" not in str(error.value)
    assert f"{tmp_path}/voxceleb/vox1_meta.csv" in str(error.value)


def test_genuine_layout(shared_data):
    recordings = voxceleb(shared_data / "ravdess")
    assert len(recordings) == 1200
    sexes = {r.speaker: r.gender for r in recordings}
    assert sorted(sexes.values()) == ["female"] * 12 + ["male"] * 12
