# A cluster for infra/kubernetes, which applies what runs in it: `make kube-deploy`.

locals {
  clusters  = var.kubernetes ? toset(["bertline"]) : toset([])
  gpu_pools = var.kubernetes && var.gpu_pool ? toset(["gpu"]) : toset([])

  # Where the overlays put their pods, and as whom those run.
  namespace                  = "bertline"
  kubernetes_service_account = "default"
}

resource "google_service_account" "nodes" {
  for_each = local.clusters

  account_id   = "bertline-nodes"
  display_name = "Bertline: nodes of the cluster"

  depends_on = [google_project_service.needed]
}

# Logs and metrics of the nodes, and no more.
resource "google_project_iam_member" "nodes" {
  for_each = local.clusters

  project = var.project
  role    = "roles/container.defaultNodeServiceAccount"
  member  = google_service_account.nodes[each.key].member
}

resource "google_artifact_registry_repository_iam_member" "nodes" {
  for_each = local.clusters

  location   = google_artifact_registry_repository.bertline.location
  repository = google_artifact_registry_repository.bertline.name
  role       = "roles/artifactregistry.reader"
  member     = google_service_account.nodes[each.key].member
}

# Pods that fetch models from the bucket (KServe's gs://) do it as the serving account.
resource "google_service_account_iam_member" "pods" {
  for_each = local.clusters

  service_account_id = google_service_account.serving.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${var.project}.svc.id.goog[${local.namespace}/${local.kubernetes_service_account}]"

  depends_on = [google_container_cluster.bertline] # which makes the pool of identities
}

resource "google_storage_bucket_iam_member" "pods" {
  for_each = local.clusters

  bucket = google_storage_bucket.bertline.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.serving.member
}

resource "google_container_cluster" "bertline" {
  for_each = local.clusters

  name       = each.key
  location   = local.location
  network    = var.network
  subnetwork = var.subnetwork

  # The pools below take the place of the first one.
  remove_default_node_pool = true
  initial_node_count       = 1

  deletion_protection = var.deletion_protection
  datapath_provider   = "ADVANCED_DATAPATH" # NetworkPolicies hold
  resource_labels     = local.labels

  release_channel {
    channel = "REGULAR"
  }

  ip_allocation_policy {}

  workload_identity_config {
    workload_pool = "${var.project}.svc.id.goog"
  }

  # Volumes that many pods may read and write: bertline-models, bertline-work.
  addons_config {
    gcp_filestore_csi_driver_config {
      enabled = true
    }
  }

  dynamic "master_authorized_networks_config" {
    for_each = length(var.authorized_networks) > 0 ? [var.authorized_networks] : []

    content {
      dynamic "cidr_blocks" {
        for_each = master_authorized_networks_config.value

        content {
          display_name = cidr_blocks.key
          cidr_block   = cidr_blocks.value
        }
      }
    }
  }

  # The first pool lives for a few minutes, yet must not run as the project's Editor.
  node_config {
    service_account = google_service_account.nodes[each.key].email
    oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"]
  }

  lifecycle {
    ignore_changes = [node_config] # of the pool that is gone
  }

  depends_on = [google_project_service.needed]
}

resource "google_container_node_pool" "cpu" {
  for_each = local.clusters

  name               = "cpu"
  cluster            = google_container_cluster.bertline[each.key].id
  location           = local.location
  initial_node_count = 1 # in each zone

  autoscaling {
    total_min_node_count = 1
    total_max_node_count = var.cpu_max_nodes
    location_policy      = "BALANCED"
  }

  node_config {
    machine_type    = var.cpu_machine_type
    service_account = google_service_account.nodes[each.key].email
    oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"]
    labels          = local.labels

    workload_metadata_config {
      mode = "GKE_METADATA"
    }

    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }
  }
}

# GKE keeps other pods away from GPUs with the taint nvidia.com/gpu, which the manifests tolerate.
resource "google_container_node_pool" "gpu" {
  for_each = local.gpu_pools

  name               = each.key
  cluster            = google_container_cluster.bertline["bertline"].id
  location           = local.location
  initial_node_count = 0

  autoscaling {
    total_min_node_count = 0
    total_max_node_count = var.gpu_max_nodes
    location_policy      = "ANY"
  }

  node_config {
    machine_type    = var.gpu_machine_type
    service_account = google_service_account.nodes["bertline"].email
    oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"]
    labels          = local.labels

    guest_accelerator {
      type  = var.gpu_type
      count = 1

      gpu_driver_installation_config {
        gpu_driver_version = "DEFAULT"
      }
    }

    workload_metadata_config {
      mode = "GKE_METADATA"
    }

    shielded_instance_config {
      enable_integrity_monitoring = true
    }
  }

  depends_on = [google_container_node_pool.cpu] # a cluster's first pool has no such taint
}
