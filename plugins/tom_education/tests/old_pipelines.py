"""Pipelines as they were written for tom_education, each for one behaviour."""

from __future__ import annotations

from tom_dataproducts.models import DataProduct, ReducedDatum
from tom_education.models import AsyncError, PipelineOutput, PipelineProcess


class WithMeta(PipelineProcess):
    short_name = "withmeta"

    class Meta:
        proxy = True

    def do_pipeline(self, tmpdir):
        with self.update_status("doing things"):
            self.log("doing the thing")
        self.log("and another ", end="")
        self.log("thing")
        self.log(f"read back: {self.logs!r}")
        (tmpdir / "out.csv").write_text("1,2")
        return [PipelineOutput(tmpdir / "out.csv", DataProduct, "photometry", None)]


class WithoutMeta(PipelineProcess):
    short_name = "withoutmeta"

    def do_pipeline(self, tmpdir):
        return []


class Documented(PipelineProcess):
    """The two-field outputs of the old documentation, and its third field by both names."""

    short_name = "documented"

    def do_pipeline(self, tmpdir):
        for number in range(4):
            (tmpdir / f"{number}.txt").write_text(str(number))
        return [
            tmpdir / "0.txt",
            (tmpdir / "1.txt", DataProduct),
            PipelineOutput(path=tmpdir / "2.txt", output_type=DataProduct, tag="image_file"),
            PipelineOutput(tmpdir / "3.txt", DataProduct, data_product_type="image_file"),
        ]


class Curve(PipelineProcess):
    """Points of photometry, yielded, whose file is named in four ways."""

    short_name = "curve"

    def do_pipeline(self, tmpdir):
        product = self.input_files.first()
        marks = [product, product.data.name, product.data.file, product.data.path]
        for night, mark in enumerate(marks):
            yield PipelineOutput(
                path=None,
                output_type=ReducedDatum,
                data_product_type="photometry",
                data=(58849.5 + night, 12.5 + night, 0.01, mark),
            )
        product.data.close()


class ValueOfFile(PipelineProcess):
    short_name = "value"

    def do_pipeline(self, tmpdir):
        (tmpdir / "value.txt").write_text("forty-two")
        return [(tmpdir / "value.txt", ReducedDatum, "image_file")]


class Cheese(PipelineProcess):
    short_name = "cheese"

    def do_pipeline(self, tmpdir):
        (tmpdir / "a.txt").write_text("a")
        return [(tmpdir / "a.txt", DataProduct), (tmpdir / "a.txt", "cheese")]


class Flagged(PipelineProcess):
    short_name = "flagged"
    flags = {
        "plot": {"default": False, "long_name": "Make a plot"},
        "quick": {"default": True, "long_name": "Be quick"},
    }

    def do_pipeline(self, tmpdir, **flags):
        self.log(f"{sorted(flags.items())}")
        self.log(str(self.flags_json))


class FlaggedTakingNone(PipelineProcess):
    """Declares flags and takes none, as the documentation's first example does."""

    short_name = "none"
    flags = {"plot": {"default": False, "long_name": "Make a plot"}}

    def do_pipeline(self, tmpdir):
        return []


class Refusing(PipelineProcess):
    short_name = "refusing"

    def do_pipeline(self, tmpdir):
        raise AsyncError("no star")


class Broken(PipelineProcess):
    short_name = "broken"

    def do_pipeline(self, tmpdir):
        raise ZeroDivisionError("the sky is flat")


class Archives(PipelineProcess):
    short_name = "archives"
    allowed_suffixes = [".tar", ".7z"]

    def do_pipeline(self, tmpdir):
        return []
