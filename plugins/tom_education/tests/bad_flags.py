from tom_education.models import PipelineProcess


class WhiteSpace(PipelineProcess):
    flags = {"two words": {"default": False, "long_name": "Two words"}}

    def do_pipeline(self, tmpdir, **flags):
        return []
