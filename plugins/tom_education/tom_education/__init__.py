"""The import package of the former tom_education, on top of tom_pipeline_core."""
