import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import ca.uhn.fhir.validation.SingleValidationMessage;
import java.nio.file.Files;
import java.nio.file.Path;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;

/**
 * Validates FHIR files against base R4 with the HAPI validator that Synthea brings along. Exits 1 on any error.
 * No terminology server: SNOMED CT, LOINC and RxNorm codes are not looked up.
 *
 *   java -cp "$HOME/.cache/careledger/synthea-3.3.0/jars/*" scripts/samples/ValidateFhir.java FILE...
 */
public class ValidateFhir {
  public static void main(String[] files) throws Exception {
    FhirContext context = FhirContext.forR4();
    FhirInstanceValidator rules = new FhirInstanceValidator(new ValidationSupportChain(
        new DefaultProfileValidationSupport(context),
        new CommonCodeSystemsTerminologyService(context),
        new InMemoryTerminologyServerValidationSupport(context)));
    FhirValidator validator = context.newValidator().registerValidatorModule(rules);
    int total = 0;
    for (String file : files) {
      int errors = 0;
      for (SingleValidationMessage message :
          validator.validateWithResult(Files.readString(Path.of(file))).getMessages()) {
        if (message.getSeverity().compareTo(ResultSeverityEnum.ERROR) < 0) continue;
        errors += 1;
        System.out.println("  " + message.getLocationString() + ": " + message.getMessage());
      }
      System.out.println(file + ": " + errors + " errors");
      total += errors;
    }
    System.exit(total == 0 ? 0 : 1);
  }
}
