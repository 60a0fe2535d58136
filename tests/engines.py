"""Two engines of PMML in one Java machine of the tests' own, and the schema that one brings."""

import math
import shutil
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

# a small machine, quick to start; signals are Python's
_OPTIONS = ("-Xmx512m", "-Xrs", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


def absent():
    """Why there is no engine here; None if there is."""
    if find_spec("jpmml_evaluator") is None or find_spec("pypmml") is None:
        return "the dev extra is not installed (jpmml-evaluator, pypmml)"
    if shutil.which("java") is None:
        return "no Java here; on Debian or Ubuntu: apt-get install default-jre-headless"
    return None


def _folder(package):
    return Path(find_spec(package).origin).parent


class Engines:
    """What each engine gives for a document and its rows, and whether the schema takes it."""

    def __init__(self, folder):
        import jpype

        jpmml = _folder("jpmml_evaluator")
        jars = [jpmml / "dependencies", jpmml / "resources", _folder("pypmml") / "jars"]
        if not jpype.isJVMStarted():
            jpype.startJVM(*_OPTIONS, classpath=[f"{jar}/*" for jar in jars], convertStrings=True)
        from jpmml_evaluator.jpype import JPypeBackend

        self.java = jpype.JClass
        self.backend = JPypeBackend()
        self.file = folder / "card.pmml"
        factory = self.java("javax.xml.validation.SchemaFactory").newInstance(
            "http://www.w3.org/2001/XMLSchema"
        )
        loader = self.java("org.jpmml.model.PMMLUtil").class_.getClassLoader()
        self.schema = factory.newSchema(loader.getResource("pmml.xsd"))

    def validate(self, document):
        """Raise where the schema of PMML 4.4 does not take it."""
        reader = self.java("java.io.StringReader")(document)
        source = self.java("javax.xml.transform.stream.StreamSource")(reader)
        self.schema.newValidator().validate(source)

    def jpmml(self, document, X, nan_is_null=True):
        """Outputs of JPMML, the reference engine; NaN as it is, or as null."""
        from jpmml_evaluator import LoadingModelEvaluatorBuilder

        self.file.write_text(document, encoding="utf-8")
        builder = LoadingModelEvaluatorBuilder(self.backend).loadFile(str(self.file))
        evaluator = builder.build().verify()
        return evaluator.evaluateAll(X, nan_as_missing=nan_is_null).reset_index(drop=True)

    def pmml4s(self, document, X, nan_is_null=True):
        """Outputs of PMML4S, the engine under pypmml, without its JSON, which rounds."""
        model = self.java("org.pmml4s.model.Model").fromString(document)
        number, empty = self.java("java.lang.Double"), self.java("java.util.HashMap")
        found = []
        for row in X.to_dict("records"):
            values = empty()
            for name, value in row.items():
                is_nan = isinstance(value, float) and math.isnan(value)
                missing = value is None or (is_nan and nan_is_null)
                values.put(
                    name, None if missing else value if isinstance(value, str) else number(value)
                )
            outputs = model.predict(values)
            found.append({name: outputs.get(name) for name in model.outputNames()})
        return pd.DataFrame(found)
